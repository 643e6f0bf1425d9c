<#-- keycloak.v2's login-update-password.ftl (26.7.5, Apache-2.0) with the rules stated before the person types. -->
<#import "template.ftl" as layout>
<#import "password-commons.ftl" as passwordCommons>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<#import "password-validation.ftl" as validator>
<#assign minimum = (passwordPolicies.length)!-1>
<#-- Where the person goes on: at the field that was refused -->
<#assign atSecond = messagesPerField.existsError('password-confirm') && !messagesPerField.existsError('password')>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError('password','password-confirm'); section>
    <#if section = "header">
        ${msg("updatePasswordTitle")}
    <#elseif section = "form">
        <form id="kc-passwd-update-form" class="ell-form" onsubmit="login.disabled = true; return true;" action="${url.loginAction}" method="post" novalidate>
            <@field.password name="password-new" label=msg("passwordNew") fieldName="password" autocomplete="new-password" autofocus=!atSecond
                hint=(minimum gt 0)?then(msg("ellPasswordRules", minimum), "") />
            <@field.password name="password-confirm" label=msg("passwordConfirm") autocomplete="new-password" autofocus=atSecond />
            <@passwordCommons.logoutOtherSessions/>
            <@buttons.actionGroup>
                <@buttons.button id="kc-submit" name="login" label="ellSavePassword"/>
                <#if isAppInitiatedAction??>
                <@buttons.button id="kc-cancel" label="doCancel" name="cancel-aia" type="secondary"/>
                </#if>
            </@buttons.actionGroup>
        </form>
        <@validator.templates/>
        <@validator.script field="password-new"/>
    </#if>
</@layout.registrationLayout>
