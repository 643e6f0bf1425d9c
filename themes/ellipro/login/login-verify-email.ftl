<#-- base's login-verify-email.ftl (26.7.5, Apache-2.0), with a button where it has a link inside a sentence. -->
<#import "template.ftl" as layout>
<#-- Keycloak's own "confirm your address" warning would only repeat the heading -->
<@layout.registrationLayout displayMessage=((message.type)!'') == 'error'; section>
    <#if section = "header">
        ${msg("emailVerifyTitle")}
    <#elseif section = "form">
        <p>
            <#if verifyEmail??>${msg("emailVerifyInstruction1", verifyEmail)}<#else>${msg("emailVerifyInstruction4", user.email)}</#if>
        </p>
        <#if isAppInitiatedAction??>
        <form id="kc-verify-email-form" class="ell-actions" action="${url.loginAction}" method="post">
            <button class="ell-button" type="submit">${msg((verifyEmail??)?then("emailVerifyResend", "emailVerifySend"))}</button>
            <button class="ell-button ell-button--secondary" type="submit" name="cancel-aia" value="true" formnovalidate>${msg("doCancel")}</button>
        </form>
        <#else>
        <p>${msg("emailVerifyInstruction2")}</p>
        <p class="ell-actions"><a class="ell-button ell-button--secondary" href="${url.loginAction}">${msg("emailVerifyResend")}</a></p>
        </#if>
    </#if>
</@layout.registrationLayout>
