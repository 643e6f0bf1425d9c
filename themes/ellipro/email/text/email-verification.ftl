<#ftl output_format="plainText" strip_whitespace=true>
<#import "template.ftl" as layout>
<#import "activation.ftl" as activation>
<#import "../common.ftl" as common>
<#if common.isPending()>
<@activation.confirmation/>
<#else>
<@layout.oneLink title=msg("ellVerifyTitle") why=msg("ellVerifyWhy") action=msg("ellTextLink", msg("ellVerifyButton")) notMe=msg("ellVerifyNotMe")/>
</#if>
