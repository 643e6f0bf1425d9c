<#--
  Refusals and errors. Replaces error.ftl of base (26.7.5, Apache-2.0). Keycloak gives only the translated sentence, so
  the ones that need a heading of their own are told by comparing sentences. Where Keycloak knows no client (an expired
  link) the way back is the realm text `activationUrl`, when there is one.
-->
<#import "template.ftl" as layout>
<#import "footer.ftl" as desk>
<#function is key><#return message.summary == msg(key)></#function>
<#assign activation = ((client.clientId)!'') == "activation">
<#assign expired = is("expiredActionTokenNoSessionMessage") || is("expiredActionMessage") || is("expiredActionTokenSessionExistsMessage") || is("staleEmailVerificationLink")>
<#-- A link whose user is gone: the request was stopped, or its address was corrected. Nobody has typed a password here. -->
<#assign gone = activation && is("invalidUserMessage")>
<#assign otherPerson = message.summary?starts_with(msg("differentUserAuthenticated", "|")?keep_before("|"))>
<#assign restartUrl = desk.realmText("activationUrl")>
<@layout.registrationLayout displayMessage=false step=activation?then("mailbox", ""); section>
    <#if section = "header">
        <#if is("accountPending")>
            ${msg("ellPendingTitle")}
        <#elseif is("cofaceringNotLinked")>
            ${msg("ellNotLinkedTitle")}
        <#elseif expired || gone>
            ${msg("ellExpiredTitle")}
        <#elseif otherPerson>
            ${msg("ellOtherPersonTitle")}
        <#else>
            ${msg("errorTitle")}
        </#if>
    <#elseif section = "form">
        <div id="kc-error-message">
            <p class="ell-lead"><#if gone>${msg("ellLinkGone")}<#else>${kcSanitize(message.summary)?no_esc}</#if></p>
            <#if otherPerson>
            <#-- Keycloak's sign-out page; UrlBean gives the address of its form only -->
            <p class="ell-actions"><a class="ell-button" id="ell-sign-out" href="${url.logoutConfirmAction?keep_before("/logout-confirm")}?client_id=activation">${msg("ellSignOther")}</a></p>
            </#if>
            <#if traceId??>
            <p class="ell-hint" id="traceId">${msg("traceIdSupportMessage", traceId)}</p>
            </#if>
            <#if !skipLink??>
                <#if (client.baseUrl)?has_content>
                <p class="ell-actions"><a class="ell-button<#if otherPerson> ell-button--secondary</#if>" id="backToApplication" href="${client.baseUrl}">${msg(activation?then("ellActivationContinue", "backToApplication"))}</a></p>
                <#elseif expired && restartUrl?has_content>
                <p class="ell-actions"><a class="ell-button" id="ell-restart" href="${restartUrl}">${msg("ellActivationContinue")}</a></p>
                </#if>
            </#if>
        </div>
    </#if>
</@layout.registrationLayout>
