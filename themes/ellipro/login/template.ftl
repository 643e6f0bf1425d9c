<#--
  The frame of every page. Replaces template.ftl of keycloak.v2 (26.7.5, Apache-2.0) and keeps its contract: the macro's
  name and parameters, the sections "header", "form", "show-username", "socialProviders" and "info", the scripts, and
  data-page-id. Differs in its markup (pages.css), its language links (the stock list needs JavaScript), and `step`:
  the step of an activation to show above the card.
-->
<#import "field.ftl" as field>
<#import "footer.ftl" as loginFooter>
<#import "steps.ftl" as steps>

<#macro username>
  <#assign label>
    <#if !realm.loginWithEmailAllowed>${msg("username")}<#elseif !realm.registrationEmailAsUsername>${msg("usernameOrEmail")}<#else>${msg("email")}</#if>
  </#assign>
  <div class="ell-field">
    <label class="ell-label" for="kc-attempted-username">${label}</label>
    <input class="ell-input" id="kc-attempted-username" value="${auth.attemptedUsername}" readonly>
    <p class="ell-kc-aside"><a class="ell-link" id="reset-login" href="${url.loginRestartFlowUrl}">${msg("restartLoginTooltip")}</a></p>
  </div>
</#macro>

<#macro registrationLayout bodyClass="" displayInfo=false displayMessage=true displayRequiredFields=false step="">
<#local heading><#compress><#nested "header"></#compress></#local>
<#-- Read out first when a page is loaded: a refusal, the heading, and how far the person has come. -->
<#-- A page of an activation has no form: what it says is its heading. -->
<#local refused = message?has_content && message.type == 'error' && pageId != "error" && step == "">
<#local title><#compress><#if refused>${msg("ellErrorPrefix")} </#if>${heading}<#if step?has_content> (${steps.place(step)})</#if></#compress></#local>
<!DOCTYPE html>
<html class="${properties.kcHtmlClass!}" lang="${lang}"<#if realm.internationalizationEnabled> dir="${(locale.rtl)?then('rtl','ltr')}"</#if>>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex, nofollow">
  <title>${title} - Ellipro</title>
  <link rel="icon" type="image/svg+xml" href="${url.resourcesPath}/img/favicon.svg">
  <#list properties.styles?split(' ') as style>
  <link href="${url.resourcesPath}/${style}" rel="stylesheet">
  </#list>
  <script type="importmap">
    {
      "imports": {
        "rfc4648": "${url.resourcesCommonPath}/vendor/rfc4648/rfc4648.js"
      }
    }
  </script>
  <#if properties.scripts?has_content>
  <#list properties.scripts?split(' ') as script>
  <script src="${url.resourcesPath}/${script}" type="text/javascript"></script>
  </#list>
  </#if>
  <#if scripts??>
  <#list scripts as script>
  <script src="${script}" type="text/javascript"></script>
  </#list>
  </#if>
  <script type="module" src="${url.resourcesPath}/js/passwordVisibility.js"></script>
  <script type="module">
    <#outputformat "JavaScript">
    import { startSessionPolling } from ${(url.resourcesPath + "/js/authChecker.js")?c};
    startSessionPolling(${url.ssoLoginInOtherTabsUrl?c});
    </#outputformat>
  </script>
  <#if authenticationSession??>
  <script type="module">
    <#outputformat "JavaScript">
    import { checkAuthSession } from ${(url.resourcesPath + "/js/authChecker.js")?c};
    checkAuthSession(${authenticationSession.authSessionIdHash?c});
    </#outputformat>
  </script>
  </#if>
  <script>
    // Workaround for https://bugzilla.mozilla.org/show_bug.cgi?id=1404468
    const isFirefox = true;
  </script>
</head>

<body id="keycloak-bg" class="${properties.kcBodyClass!}" data-page-id="login-${pageId}">
<a class="ell-skip" href="#contenu">${msg("ellSkip")}</a>
<header class="ell-header">
  <div class="ell-header__inner">
    <span class="ell-brand"><svg class="ell-brand__mark" viewBox="0 0 40 30" aria-hidden="true" focusable="false"><g transform="rotate(-22 20 15)"><ellipse cx="20" cy="15" rx="17" ry="10"/><circle cx="28" cy="15" r="4"/></g></svg><span class="ell-brand__name">Ellipro</span></span>
    <#if realm.internationalizationEnabled && locale.supported?size gt 1>
    <nav class="ell-language" aria-label="${msg("languages")}">
      <ul>
        <#list locale.supported?sort_by("languageTag")?reverse as l>
        <li><a href="${l.url}" lang="${l.languageTag}" hreflang="${l.languageTag}"<#if l.languageTag == locale.currentLanguageTag> aria-current="true"</#if>>${l.label}</a></li>
        </#list>
      </ul>
    </nav>
    </#if>
  </div>
</header>
<main class="ell-main" id="contenu" tabindex="-1">
  <#if step?has_content><@steps.line current=step/></#if>
  <div class="ell-card">
    <h1 class="ell-title" id="kc-page-title">${heading}</h1>

    <#if displayRequiredFields>
    <p class="ell-hint"><span aria-hidden="true">*</span> ${msg("requiredFields")}</p>
    </#if>
    <#if auth?has_content && auth.showUsername() && !auth.showResetCredentials()>
    <div class="ell-form"><#nested "show-username"><@username /></div>
    </#if>

    <#-- An action that the person asked for must not greet them with a warning that they have to do it -->
    <#if displayMessage && message?has_content && (message.type != 'warning' || !isAppInitiatedAction??)>
    <#-- A whole page was loaded, which screen readers do not take for a change to be announced: the focus tells it -->
    <div class="ell-notice ell-notice--${message.type}" role="${(message.type == 'error')?then('alert', 'status')}"<#if message.type == 'error' || message.type == 'success'> tabindex="-1" autofocus</#if>>
      <p class="kc-feedback-text"><#if message.type == 'error'><span class="ell-visually-hidden">${msg("ellErrorPrefix")}</span></#if>${message.summary}</p>
    </div>
    </#if>

    <#nested "form">

    <#if auth?has_content && auth.showTryAnotherWayLink()>
    <form class="ell-form" id="kc-select-try-another-way-form" action="${url.loginAction}" method="post">
      <input type="hidden" name="tryAnotherWay" value="on">
      <button class="ell-button ell-button--quiet" id="try-another-way" type="submit">${msg("doTryAnotherWay")}</button>
    </form>
    </#if>

    <#nested "socialProviders">

    <#if displayInfo>
    <div id="kc-info"><#nested "info"></div>
    </#if>
  </div>
  <@loginFooter.content/>
</main>
</body>
</html>
</#macro>
