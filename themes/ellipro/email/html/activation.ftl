<#--
  The confirmation mail of an activation, sent by email-verification.ftl and, when the mailbox was confirmed before, by
  executeActions.ftl. It goes to an address that nobody has proved yet: every word is ours or from Cofacering's data
  (masked login, company), none was typed by the person who asks.
-->
<#import "template.ftl" as layout>
<#import "../common.ftl" as common>

<#macro confirmation>
<#-- An agent opened it: nobody has typed a password yet. -->
<#local granted = common.attribute("activation_kind") == "granted">
<@layout.emailLayout title=msg(granted?then("ellGrantedTitle", "ellActivationTitle")) preheader=msg(granted?then("ellGrantedPreheader", "ellActivationPreheader"))>
  <@layout.paragraph>${msg(granted?then("ellGrantedWhy", "ellActivationWhy"))}</@layout.paragraph>
  <@layout.facts list=[{"name": msg("ellActivationLogin"), "value": common.attribute("activation_login")}, {"name": msg("ellActivationCompany"), "value": common.attribute("activation_company")}]/>
  <@layout.button href=link label=msg("ellActivationButton")/>
  <@layout.heading>${msg("ellActivationNextTitle")}</@layout.heading>
  <ol style="margin:0 0 16px;padding:0 0 0 22px;">
    <li style="margin:0 0 6px;">${msg("ellActivationNext1")}</li>
    <li style="margin:0 0 6px;">${msg(granted?then("ellGrantedNext2", "ellActivationNext2"))}</li>
    <li style="margin:0;">${msg("ellActivationNext3")}</li>
  </ol>
  <@layout.paragraph>${msg("ellActivationLifetime", common.lifetime(linkExpiration))}</@layout.paragraph>
  <@layout.heading>${msg("ellNotMeTitle")}</@layout.heading>
  <@layout.paragraph>${msg(granted?then("ellGrantedNotMe", "ellActivationNotMe"))}</@layout.paragraph>
  <#local withdraw = common.attribute("activation_withdraw")>
  <#if withdraw?has_content>
  <@layout.paragraph>${msg("ellActivationReport")} <a class="e-link" href="${withdraw}" style="color:#0b5667;font-weight:bold;">${msg("ellActivationWithdraw")}</a></@layout.paragraph>
  </#if>
  <@layout.plainLink href=link/>
</@layout.emailLayout>
</#macro>
