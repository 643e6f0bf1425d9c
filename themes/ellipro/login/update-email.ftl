<#--
  keycloak.v2's update-email.ftl (26.7.5, Apache-2.0) with one field of ours: the general form of a user profile does not
  tie an error to its control. The required action asks for the address alone; `locale` travels with it.
-->
<#import "template.ftl" as layout>
<#import "password-commons.ftl" as passwordCommons>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<@layout.registrationLayout displayMessage=messagesPerField.exists('global'); section>
    <#if section = "header">
        ${msg("updateEmailTitle")}
    <#elseif section = "form">
        <form id="kc-update-email-form" class="ell-form" action="${url.loginAction}" method="post" novalidate>
            <#list profile.attributes as attribute>
            <#if attribute.name == "email">
            <@field.input name="email" label=msg("email") value=attribute.value!'' autocomplete="email" inputmode="email" autofocus=true />
            <#elseif attribute.name == "locale" && locale.currentLanguageTag?has_content>
            <input type="hidden" name="locale" value="${locale.currentLanguageTag}">
            </#if>
            </#list>
            <@passwordCommons.logoutOtherSessions/>
            <@buttons.actionGroup>
                <@buttons.button id="kc-submit" label="doSubmit"/>
                <#if isAppInitiatedAction??>
                <@buttons.button id="kc-cancel" label="doCancel" type="secondary" name="cancel-aia" value="true"/>
                </#if>
            </@buttons.actionGroup>
        </form>
    </#if>
</@layout.registrationLayout>
