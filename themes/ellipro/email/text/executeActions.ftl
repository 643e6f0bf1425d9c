<#ftl output_format="plainText" strip_whitespace=true>
<#import "template.ftl" as layout>
<#import "activation.ftl" as activation>
<#import "../common.ftl" as common>
<#if common.isPending()>
<@activation.confirmation/>
<#else>
<#assign why>${msg("ellActionsWhy")}<#if requiredActions?has_content> <#list requiredActions as action>${msg("requiredAction." + action)}<#sep>, </#sep></#list>.</#if></#assign>
<@layout.oneLink title=msg("ellActionsTitle") why=why action=msg("ellTextLink", msg("ellActionsButton")) notMe=msg("ellActionsNotMe")/>
</#if>
