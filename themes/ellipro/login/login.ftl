<#--
  E-mail and password, below the door for people who come from Cofacering. Replaces login.ftl of keycloak.v2 (26.7.5,
  Apache-2.0): left out are registration and passkeys, which the realm has off.
  The commonest mistake is a Cofacering identifier typed here. Its form alone tells (no "@"), so the answer comes from
  this template, needs no script, and says nothing about which accounts exist.
  For the client `activation` there is nothing to sign in to: Keycloak comes here when a link expires between its page and
  the click, and the way on is client.baseUrl.
-->
<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>

<#assign cofacering = "">
<#assign otherProviders = []>
<#list (social.providers)![] as provider>
  <#if provider.alias == "cofacering"><#assign cofacering = provider><#else><#assign otherProviders = otherProviders + [provider]></#if>
</#list>
<#assign refused = messagesPerField.existsError('username','password')>
<#assign typedIdentifier = refused && (login.username!'')?has_content && !(login.username!'')?contains('@')>
<#-- An application has said who is expected (login_hint): the password is all that is left to type. -->
<#assign filledIn = !refused && (login.username!'')?has_content>
<#assign closing = msg("cofaceringClosing")>
<#if closing == "-"><#assign closing = ""></#if>
<#assign activation = ((client.clientId)!'') == "activation">

<@layout.registrationLayout displayMessage=!refused && !activation step=activation?then("mailbox", ""); section>
    <#if section = "header">
        ${msg(activation?then("ellExpiredTitle", "loginAccountTitle"))}
    <#elseif section = "form" && activation>
        <p class="ell-lead">${msg("expiredActionMessage")}</p>
        <p class="ell-actions"><a class="ell-button" id="ell-continue" href="${client.baseUrl!}">${msg("ellActivationContinue")}</a></p>
    <#elseif section = "form">
        <#if typedIdentifier>
        <div class="ell-notice ell-notice--error" role="alert" id="ell-not-an-email">
          <p class="ell-notice__title">${msg("ellNotAnEmailTitle")}</p>
          <#if cofacering?has_content>
          <p>${msg("ellNotAnEmailDoor")}</p>
          <a class="ell-button ell-button--block" id="social-${cofacering.alias}" href="${cofacering.loginUrl}">${msg("ellDoorButton")}</a>
          <#else>
          <p>${msg("ellNotAnEmail")}</p>
          </#if>
        </div>
        <#elseif cofacering?has_content>
        <section class="ell-door" aria-labelledby="ell-door">
          <h2 class="ell-subtitle" id="ell-door">${msg("ellDoorTitle")}</h2>
          <p>${msg("ellDoorText")}</p>
          <#if closing?has_content><p id="ell-closing"><strong>${closing}</strong></p></#if>
          <a class="ell-button ell-button--secondary ell-button--block" id="social-${cofacering.alias}" href="${cofacering.loginUrl}">${msg("ellDoorButton")}</a>
        </section>
        <#elseif closing?has_content>
        <div class="ell-notice ell-notice--info" id="ell-closing"><p>${closing}</p></div>
        </#if>
        <#if realm.password>
        <#if cofacering?has_content>
        <p class="ell-or"><span>${msg("ellOrAccess")}</span></p>
        </#if>
        <form id="kc-form-login" class="ell-form" onsubmit="login.disabled = true; return true;" action="${url.loginAction}" method="post" novalidate>
            <#if !usernameHidden??>
                <#assign label>
                    <#if !realm.loginWithEmailAllowed>${msg("username")}<#elseif !realm.registrationEmailAsUsername>${msg("usernameOrEmail")}<#else>${msg("email")}</#if>
                </#assign>
                <@field.input name="username" label=label error=typedIdentifier?then(msg("ellEmailExpected"), messagesPerField.getFirstError('username','password'))
                    autofocus=!filledIn autocomplete="username" inputmode="email" hint=msg("ellEmailHint") value=login.username!'' />
            </#if>
            <@field.password name="password" label=msg("password") error="" forgotPassword=realm.resetPasswordAllowed autofocus=(usernameHidden?? || filledIn) autocomplete="current-password">
                <#if realm.rememberMe && !usernameHidden??>
                    <@field.checkbox name="rememberMe" label=msg("rememberMe") value=login.rememberMe?? />
                </#if>
            </@field.password>
            <input type="hidden" id="id-hidden-input" name="credentialId" <#if auth.selectedCredential?has_content>value="${auth.selectedCredential}"</#if>>
            <@buttons.loginButton />
        </form>
        </#if>
    <#elseif section = "socialProviders" && otherProviders?has_content>
        <p class="ell-or"><span>${msg("identity-provider-login-label")}</span></p>
        <ul class="ell-kc-providers" id="kc-social-providers">
          <#list otherProviders as provider>
          <li><a class="ell-button ell-button--secondary ell-button--block" id="social-${provider.alias}" href="${provider.loginUrl}">${provider.displayName!provider.alias}</a></li>
          </#list>
        </ul>
    </#if>
</@layout.registrationLayout>
