<#ftl output_format="plainText" strip_whitespace=true>
<#-- The foot of every text mail. -->
<#import "../common.ftl" as common>

<#macro desk>
<#local telephone = common.realmText("deskTelephone") price = common.realmText("deskTelephonePrice") email = common.realmText("deskEmail") hours = common.realmText("deskHours") help = common.realmText("helpUrl")>

--
${msg("ellNeverAsk")}
<#if telephone?has_content || email?has_content>

${msg("ellDeskTitle")}
${msg("ellDeskName")}<#if hours?has_content>, ${hours}</#if>
<#if telephone?has_content>
${telephone}<#if price?has_content> (${price})</#if>
</#if>
<#if email?has_content>
${email}
</#if>
</#if>
<#if help?has_content>
${msg("ellHelp")} : ${help}
</#if>
</#macro>

<#-- A mail with one link: greeting sentence, link, how long it lives, and what to do when it was somebody else -->
<#macro oneLink title why action notMe>
${title}

${why}

${action}
${link}

${msg("ellLifetime", common.lifetime(linkExpiration))}

${msg("ellNotMeTitle")}
${notMe}
<@desk/>
</#macro>
