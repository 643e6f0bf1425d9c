<#-- The line of steps that provider shows on its pages of an activation: Keycloak's page between two of them has it too. -->
<#assign names = ["details", "mailbox", "password", "ellipro"]>

<#function place current><#return msg("ellStepPlace", names?seq_index_of(current) + 1, names?size)></#function>

<#-- `role`: Safari takes the list out of a list without bullets -->
<#macro line current>
  <#local position = names?seq_index_of(current)>
  <ol class="ell-steps" role="list" aria-label="${msg("ellSteps")}">
    <#list names as name>
    <li class="ell-steps__item<#if name?index lt position> ell-steps__item--done</#if>"<#if name == current> aria-current="step"</#if>><span class="ell-steps__label">${msg("ellStep." + name)}</span><#if name?index lt position> <span class="ell-visually-hidden">${msg("ellStepDone")}</span></#if><#if name == current> <span class="ell-visually-hidden">(${place(current)})</span></#if></li>
    </#list>
  </ol>
</#macro>
