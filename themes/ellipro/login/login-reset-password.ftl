<#-- keycloak.v2's login-reset-password.ftl (26.7.5, Apache-2.0); the explanation stands before the field, not after it. -->
<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError('username'); section>
    <#if section = "header">
        ${msg("emailForgotTitle")}
    <#elseif section = "form">
        <p>${msg("emailInstruction")}</p>
        <form id="kc-reset-password-form" class="ell-form" action="${url.loginAction}" method="post" novalidate>
            <#assign label>
                <#if !realm.loginWithEmailAllowed>${msg("username")}<#elseif !realm.registrationEmailAsUsername>${msg("usernameOrEmail")}<#else>${msg("email")}</#if>
            </#assign>
            <@field.input name="username" label=label value=auth.attemptedUsername!'' autofocus=true autocomplete="username" inputmode="email" hint=msg("ellForgotHint") />
            <@buttons.actionGroup>
                <@buttons.button id="kc-form-buttons" label="ellSendLink"/>
                <@buttons.buttonLink href=url.loginUrl label="backToLogin"/>
            </@buttons.actionGroup>
        </form>
    </#if>
</@layout.registrationLayout>
