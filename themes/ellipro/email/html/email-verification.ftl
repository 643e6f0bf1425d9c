<#import "template.ftl" as layout>
<#import "activation.ftl" as activation>
<#import "../common.ftl" as common>
<#if common.isPending()>
<@activation.confirmation/>
<#else>
<@layout.emailLayout title=msg("ellVerifyTitle") preheader=msg("ellVerifyWhy")>
  <@layout.paragraph>${msg("ellVerifyWhy")}</@layout.paragraph>
  <@layout.button href=link label=msg("ellVerifyButton")/>
  <@layout.paragraph>${msg("ellLifetime", common.lifetime(linkExpiration))}</@layout.paragraph>
  <@layout.heading>${msg("ellNotMeTitle")}</@layout.heading>
  <@layout.paragraph>${msg("ellVerifyNotMe")}</@layout.paragraph>
  <@layout.plainLink href=link/>
</@layout.emailLayout>
</#if>
