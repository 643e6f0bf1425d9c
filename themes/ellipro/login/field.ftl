<#--
  Form fields in the markup of pages.css. Replaces field.ftl of keycloak.v2 (26.7.5, Apache-2.0), whose macros and
  parameters it keeps, because every form template calls them; adds `hint`, and ties hint and error to the control.
-->
<#macro group name label error="" required=false hint="">
<div class="ell-field<#if error?has_content> ell-field--error</#if>">
  <label class="ell-label" for="${name}">${label}<#if required> <span aria-hidden="true">*</span></#if></label>
  <#if hint?has_content>
  <p class="ell-hint" id="${name}-hint">${hint}</p>
  </#if>
  <div id="input-error-container-${name}">
    <#if error?has_content>
    <p class="ell-error" id="input-error-${name}" aria-live="polite"><span class="ell-visually-hidden">${msg("ellErrorPrefix")}</span>${error}</p>
    </#if>
  </div>
  <#nested>
</div>
</#macro>

<#macro describedBy name error hint>
  <#if error?has_content || hint?has_content>aria-describedby="<#if hint?has_content>${name}-hint</#if><#if error?has_content> input-error-${name}</#if>"</#if>
</#macro>

<#macro input name label value="" required=false autocomplete="off" fieldName=name error=messagesPerField.get(fieldName) autofocus=false hint="" inputmode="">
  <@group name=name label=label error=error required=required hint=hint>
    <input class="ell-input" id="${name}" name="${name}" value="${value}" type="text" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false"
      <#if autofocus>autofocus</#if>
      <#if inputmode?has_content>inputmode="${inputmode}"<#elseif autocomplete == "one-time-code">inputmode="numeric"</#if>
      <#if error?has_content>aria-invalid="true"</#if>
      <@describedBy name=name error=error hint=hint/>>
  </@group>
</#macro>

<#macro password name label value="" required=false forgotPassword=false fieldName=name error=messagesPerField.get(fieldName) autocomplete="off" autofocus=false hint="">
  <@group name=name label=label error=error required=required hint=hint>
    <div class="ell-password">
      <input class="ell-input" id="${name}" name="${name}" value="${value}" type="password" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false"
        <#if autofocus>autofocus</#if>
        <#if error?has_content>aria-invalid="true"</#if>
        <@describedBy name=name error=error hint=hint/>>
      <button class="ell-password__toggle" type="button" id="${name}-show-password" hidden aria-controls="${name}" data-password-toggle
        aria-label="${msg('showPassword')}" data-label-show="${msg('showPassword')}" data-label-hide="${msg('hidePassword')}"
        data-text-show="${msg('ellShow')}" data-text-hide="${msg('ellHide')}">${msg('ellShow')}</button>
    </div>
    <#nested>
    <#if forgotPassword>
    <p class="ell-kc-aside"><a class="ell-link" href="${url.loginResetCredentialsUrl}">${msg("doForgotPassword")}</a></p>
    </#if>
  </@group>
</#macro>

<#macro clipboard name label ariaLabel=label value="" readonly=true>
  <@group name=name label=label>
    <input class="ell-input" id="${name}" name="${name}" value="${value}" type="text" aria-label="${ariaLabel}" <#if readonly>readonly</#if>>
  </@group>
</#macro>

<#macro checkbox name label value=false required=false>
  <div class="ell-choice">
    <input type="checkbox" id="${name}" name="${name}" <#if value>checked</#if>>
    <label for="${name}">${label}<#if required> <span aria-hidden="true">*</span></#if></label>
  </div>
</#macro>
