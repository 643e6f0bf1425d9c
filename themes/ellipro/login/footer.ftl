<#--
  The desk's contacts under every page. They are texts of the realm (Realm settings, Localization; written by realm
  apply), so that pages, mails and administrators share one source. A text that nobody has set comes back from msg() as
  its own key, and is then left out.
-->
<#function realmText key>
  <#local text = msg(key)>
  <#return (text == key)?then("", text)>
</#function>

<#macro content>
  <#local telephone = realmText("deskTelephone") price = realmText("deskTelephonePrice") email = realmText("deskEmail") hours = realmText("deskHours") help = realmText("helpUrl")>
  <#if telephone?has_content || email?has_content>
  <section class="ell-desk" aria-labelledby="ell-desk">
    <h2 class="ell-desk__title" id="ell-desk">${msg("ellDeskTitle")}</h2>
    <p>${msg("ellDeskName")}<#if hours?has_content>, <span class="ell-desk__hours">${hours}</span></#if></p>
    <ul class="ell-desk__contacts">
      <#if telephone?has_content>
      <li><a href="tel:${telephone?replace("[^0-9+]", "", "r")}">${telephone}</a><#if price?has_content> <span>(${price})</span></#if></li>
      </#if>
      <#if email?has_content>
      <li><a href="mailto:${email}">${email}</a></li>
      </#if>
    </ul>
  </section>
  </#if>
  <#if help?has_content>
  <p class="ell-help"><a href="${help}">${msg("ellHelp")}</a></p>
  </#if>
</#macro>
