<#-- base's login-page-expired.ftl (26.7.5, Apache-2.0), with two buttons where it has two links called "click here". -->
<#import "template.ftl" as layout>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("pageExpiredTitle")}
    <#elseif section = "form">
        <p>${msg("ellPageExpired")}</p>
        <p class="ell-actions">
            <a class="ell-button" id="loginContinueLink" href="${url.loginAction}">${msg("ellPageExpiredContinue")}</a>
            <a class="ell-button ell-button--secondary" id="loginRestartLink" href="${url.loginRestartFlowUrl}">${msg("ellPageExpiredRestart")}</a>
        </p>
    </#if>
</@layout.registrationLayout>
