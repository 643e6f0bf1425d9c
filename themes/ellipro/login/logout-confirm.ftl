<#-- base's logout-confirm.ftl (26.7.5, Apache-2.0) in the markup of pages.css. -->
<#import "template.ftl" as layout>
<@layout.registrationLayout; section>
    <#if section = "header">
        ${msg("logoutConfirmTitle")}
    <#elseif section = "form">
        <div id="kc-logout-confirm">
            <p>${msg("logoutConfirmHeader")}</p>
            <form class="ell-actions" action="${url.logoutConfirmAction}" onsubmit="confirmLogout.disabled = true; return true;" method="post">
                <input type="hidden" name="session_code" value="${logoutConfirm.code}">
                <#-- An input, as in base: its name is what Keycloak looks for -->
                <input class="ell-button" name="confirmLogout" id="kc-logout" type="submit" value="${msg("doLogout")}">
                <#if !logoutConfirm.skipLink && (client.baseUrl)?has_content>
                <a class="ell-button ell-button--secondary" href="${client.baseUrl}">${msg("backToApplication")}</a>
                </#if>
            </form>
        </div>
    </#if>
</@layout.registrationLayout>
