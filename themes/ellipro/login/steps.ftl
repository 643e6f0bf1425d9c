<#-- The line of steps that provider shows on its pages of an activation: Keycloak's page between two of them has it too. -->
<#macro line current>
  <#local names = ["details", "mailbox", "password", "ellipro"]>
  <#local position = names?seq_index_of(current)>
  <ol class="ell-steps" aria-label="${msg("ellSteps")}">
    <#list names as name>
    <li class="ell-steps__item<#if name?index lt position> ell-steps__item--done</#if>"<#if name == current> aria-current="step"</#if>><span class="ell-steps__label">${msg("ellStep." + name)}</span><#if name?index lt position> <span class="ell-visually-hidden">${msg("ellStepDone")}</span></#if></li>
    </#list>
  </ol>
</#macro>
