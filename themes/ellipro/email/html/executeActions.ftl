<#import "template.ftl" as layout>
<#import "activation.ftl" as activation>
<#import "../common.ftl" as common>
<#if common.isPending()>
<@activation.confirmation/>
<#else>
<@layout.emailLayout title=msg("ellActionsTitle") preheader=msg("ellActionsWhy")>
  <@layout.paragraph>${msg("ellActionsWhy")}</@layout.paragraph>
  <#if requiredActions?has_content>
  <ul style="margin:0 0 16px;padding:0 0 0 22px;">
    <#list requiredActions as action><li>${msg("requiredAction." + action)}</li></#list>
  </ul>
  </#if>
  <@layout.button href=link label=msg("ellActionsButton")/>
  <@layout.paragraph>${msg("ellLifetime", common.lifetime(linkExpiration))}</@layout.paragraph>
  <@layout.heading>${msg("ellNotMeTitle")}</@layout.heading>
  <@layout.paragraph>${msg("ellActionsNotMe")}</@layout.paragraph>
  <@layout.plainLink href=link/>
</@layout.emailLayout>
</#if>
