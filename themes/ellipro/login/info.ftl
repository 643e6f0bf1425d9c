<#--
  Keycloak's answers that are not errors. Replaces info.ftl of base (26.7.5, Apache-2.0). Three of them belong to an
  activation (client `activation`, ours for the link in the mail):
  1. the first page of the link: one button, nothing happens before it is pressed (mail scanners open links);
  2. the page after it, which goes on by itself to provider's confirmation page: the button stands there for a browser
     without JavaScript, and `location.replace` keeps this one-shot page out of the history;
  3. "already confirmed": the way on is client.baseUrl, which is provider's /activation/continue.
-->
<#import "template.ftl" as layout>
<#assign activation = ((client.clientId)!'') == "activation">
<#assign confirming = activation && actionUri?has_content && !pageRedirectUri?has_content>
<@layout.registrationLayout displayMessage=false step=activation?then("mailbox", ""); section>
    <#if section = "header">
        <#if confirming>
            ${msg("confirmEmailAddressVerificationHeader")}
        <#elseif activation && pageRedirectUri?has_content>
            ${msg("emailVerifiedMessageHeader")}
        <#elseif messageHeader??>
            ${kcSanitize(msg("${messageHeader}"))?no_esc}
        <#else>
            ${message.summary}
        </#if>
    <#elseif section = "form">
    <div id="kc-info-message">
        <#if confirming>
        <p class="ell-lead"><#if requiredActions??>${msg("ellConfirmAddress")}<#else>${message.summary}</#if></p>
        <p>${msg("ellConfirmNext")}</p>
        <#elseif activation && pageRedirectUri?has_content>
        <p>${msg("ellConfirmedNext")}</p>
        <#elseif activation && message.summary == msg("successLogout")>
        <p>${msg("ellSignedOutNext")}</p>
        <#else>
        <p>${message.summary}<#if requiredActions??><#list requiredActions>: <b><#items as reqActionItem>${kcSanitize(msg("requiredAction.${reqActionItem}"))?no_esc}<#sep>, </#items></b></#list></#if></p>
        </#if>
        <#if !skipLink??>
            <#if pageRedirectUri?has_content>
            <p class="ell-actions"><a class="ell-button" id="ell-continue" href="${pageRedirectUri}">${msg("doContinue")}</a></p>
            <#-- Keycloak has checked this address against the client's redirect URIs -->
            <script><#outputformat "JavaScript">location.replace(${pageRedirectUri?c});</#outputformat></script>
            <#elseif actionUri?has_content>
            <p class="ell-actions"><a class="ell-button" id="ell-confirm" href="${actionUri}">${msg(confirming?then("ellConfirmButton", "proceedWithAction"))}</a></p>
            <#elseif (client.baseUrl)?has_content>
            <p class="ell-actions"><a class="ell-button" id="ell-continue" href="${client.baseUrl}">${msg(activation?then("ellActivationContinue", "backToApplication"))}</a></p>
            </#if>
        </#if>
    </div>
    </#if>
</@layout.registrationLayout>
