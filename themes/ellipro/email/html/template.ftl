<#--
  The frame of every HTML mail, and its parts. Tables and inline styles for mail clients, no image, one column of 600 px
  that becomes narrower by itself. Colours are those of login/resources/css/tokens.css by value; clients that know
  prefers-color-scheme get the dark ones from the style block, the others may invert.
  Keycloak's own templates call emailLayout without parameters: they get the same frame.
-->
<#import "../common.ftl" as common>

<#macro emailLayout title="" preheader="">
<!DOCTYPE html>
<html lang="${locale.language}" dir="${(ltr!true)?then('ltr','rtl')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no">
<title>${title?has_content?then(title, "Ellipro")}</title>
<style>
:root { color-scheme: light dark; }
a { color: #0b5667; }
@media (max-width: 480px) {
  .e-pad { padding-left: 20px !important; padding-right: 20px !important; }
  .e-button, .e-button a { display: block !important; width: auto !important; }
}
@media (prefers-color-scheme: dark) {
  .e-paper { background-color: #0a1a21 !important; }
  .e-card { background-color: #11262f !important; border-color: #29424d !important; }
  .e-sunk { background-color: #0d2029 !important; }
  .e-ink { color: #e8f0f2 !important; }
  .e-soft { color: #a9bfc7 !important; }
  .e-line { border-color: #29424d !important; }
  .e-link { color: #86d3df !important; }
  .e-button { background-color: #74c9d6 !important; }
  .e-button a { color: #06222b !important; border-color: #74c9d6 !important; }
}
</style>
</head>
<body class="e-paper" style="margin:0;padding:0;background-color:#f2f5f6;-webkit-text-size-adjust:100%;">
<#if preheader?has_content>
<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;">${preheader}</div>
</#if>
<#-- `lang` here as well: many mail programs drop the html element -->
<table role="presentation" class="e-paper" lang="${locale.language}" dir="${(ltr!true)?then('ltr','rtl')}" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f2f5f6" style="background-color:#f2f5f6;">
<tr><td align="center" style="padding:24px 12px;">
  <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;">
  <tr><td class="e-card" bgcolor="#ffffff" style="background-color:#ffffff;border:1px solid #d3dee1;border-top:4px solid #0b5667;border-radius:8px;">
    <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
    <tr><td class="e-pad e-ink" style="padding:24px 40px 0;font-family:${font};font-size:22px;line-height:28px;font-weight:bold;color:#0c2733;">Ellipro<span aria-hidden="true" style="color:#e2a32b;">.</span></td></tr>
    <tr><td class="e-pad e-ink" style="padding:20px 40px 32px;font-family:${font};font-size:16px;line-height:25px;color:#0c2733;">
      <#if title?has_content>
      <h1 class="e-ink" style="margin:0 0 16px;font-size:24px;line-height:31px;font-weight:bold;color:#0c2733;">${title}</h1>
      </#if>
      <#nested>
    </td></tr>
    </table>
  </td></tr>
  <@desk/>
  </table>
</td></tr>
</table>
</body>
</html>
</#macro>

<#assign font = "system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif">

<#macro paragraph><p style="margin:0 0 16px;"><#nested></p></#macro>

<#macro heading><h2 class="e-ink" style="margin:24px 0 8px;font-size:17px;line-height:24px;font-weight:bold;color:#0c2733;"><#nested></h2></#macro>

<#-- A button that is only a coloured table cell and a link, then the address in full for who cannot press it -->
<#macro button href label>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 20px;">
<tr><td class="e-button" align="center" bgcolor="#0b5667" style="background-color:#0b5667;border-radius:6px;">
  <a href="${href}" style="display:inline-block;padding:14px 28px;border:1px solid #0b5667;border-radius:6px;font-family:${font};font-size:17px;line-height:22px;font-weight:bold;color:#ffffff;text-decoration:none;">${label}</a>
</td></tr>
</table>
</#macro>

<#macro plainLink href>
<p class="e-soft e-line" style="margin:24px 0 0;padding:16px 0 0;border-top:1px solid #d3dee1;font-size:13px;line-height:19px;color:#45606b;">${msg("ellPlainLink")}<br>
<a class="e-link" href="${href}" style="color:#0b5667;word-break:break-all;overflow-wrap:anywhere;">${href}</a></p>
</#macro>

<#-- facts: a sequence of {"name", "value"}; those without a value are left out -->
<#macro facts list>
<table role="presentation" class="e-sunk" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#eaf1f2" style="margin:0 0 20px;background-color:#eaf1f2;border-left:3px solid #e2a32b;">
<#list list?filter(fact -> fact.value?has_content) as fact>
<tr><td class="e-ink" style="padding:${fact?is_first?then("12px", "0")} 16px ${fact?is_last?then("12px", "4px")};font-family:${font};font-size:15px;line-height:22px;color:#0c2733;"><span class="e-soft" style="color:#45606b;">${fact.name}</span>&nbsp; <strong>${fact.value}</strong></td></tr>
</#list>
</table>
</#macro>

<#macro desk>
<#local telephone = common.realmText("deskTelephone") price = common.realmText("deskTelephonePrice") email = common.realmText("deskEmail") hours = common.realmText("deskHours") help = common.realmText("helpUrl")>
<#if telephone?has_content || email?has_content>
<tr><td class="e-pad e-soft" style="padding:20px 40px 0;font-family:${font};font-size:13px;line-height:26px;color:#45606b;">
  <strong class="e-ink" style="color:#0c2733;">${msg("ellDeskTitle")}</strong><br>
  ${msg("ellDeskName")}<#if hours?has_content>, ${hours}</#if><br>
  <#if telephone?has_content><a class="e-link" href="tel:${telephone?replace("[^0-9+]", "", "r")}" style="color:#0b5667;font-weight:bold;">${telephone}</a><#if price?has_content> (${price})</#if><br></#if>
  <#if email?has_content><a class="e-link" href="mailto:${email}" style="color:#0b5667;font-weight:bold;">${email}</a><#if help?has_content><br></#if></#if>
  <#if help?has_content><a class="e-link" href="${help}" style="color:#0b5667;font-weight:bold;">${msg("ellHelp")}</a></#if>
</td></tr>
</#if>
<tr><td class="e-pad e-soft" style="padding:12px 40px 0;font-family:${font};font-size:13px;line-height:20px;color:#45606b;">${msg("ellNeverAsk")}</td></tr>
</#macro>
