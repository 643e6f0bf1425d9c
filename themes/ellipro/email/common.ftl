<#--
  What the HTML and the text mails decide alike. Functions only: each mail writes the result in its own output format.
-->

<#-- A text of the realm (desk contacts, written by realm apply), or "" when nobody has set it: msg() then gives the key. -->
<#function realmText key>
  <#local text = msg(key)>
  <#return (text == key)?then("", text)>
</#function>

<#--
  How long a link lives, in words. Keycloak's own formatter says "1439 minutes" for a day that a job has used a little
  of: round up by at most five minutes, then down to what a person can use.
-->
<#function lifetime minutes>
  <#local hours = ((minutes + 5) / 60)?floor>
  <#if hours gte 72><#return msg("ellDays", (hours / 24)?floor)></#if>
  <#if hours gte 2><#return msg("ellHours", hours)></#if>
  <#return msg("ellMinutes", minutes)>
</#function>

<#-- A user attribute (Keycloak gives mails one string an attribute), or "". -->
<#function attribute name>
  <#return (user.attributes[name])!"">
</#function>

<#-- The person has asked for an access and not yet confirmed it. -->
<#function isPending><#return attribute("activation") == "pending"></#function>
