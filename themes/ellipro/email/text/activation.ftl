<#ftl output_format="plainText" strip_whitespace=true>
<#-- The confirmation mail of an activation, as text. See html/activation.ftl. -->
<#import "template.ftl" as layout>
<#import "../common.ftl" as common>

<#macro confirmation>
<#-- An agent opened it: nobody has typed a password yet. -->
<#local granted = common.attribute("activation_kind") == "granted">
<#local login = common.attribute("activation_login") company = common.attribute("activation_company") withdraw = common.attribute("activation_withdraw")>
${msg(granted?then("ellGrantedTitle", "ellActivationTitle"))}

${msg(granted?then("ellGrantedWhy", "ellActivationWhy"))}
<#if login?has_content || company?has_content>

<#if login?has_content>
${msg("ellActivationLogin")} ${login}
</#if>
<#if company?has_content>
${msg("ellActivationCompany")} ${company}
</#if>
</#if>

${msg("ellActivationTextLink")}
${link}

${msg("ellActivationNextTitle")}
1. ${msg("ellActivationNext1")}
2. ${msg(granted?then("ellGrantedNext2", "ellActivationNext2"))}
3. ${msg("ellActivationNext3")}

${msg("ellActivationLifetime", common.lifetime(linkExpiration))}

${msg("ellNotMeTitle")}
${msg(granted?then("ellGrantedNotMe", "ellActivationNotMe"))}
<#if withdraw?has_content>
${msg("ellActivationReport")}
${withdraw}
</#if>
<@layout.desk/>
</#macro>
