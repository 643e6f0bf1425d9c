// Stands in for Keycloak's file of the same name (26.7.5, Apache-2.0), with one difference: pages that hold no sign-in
// form (`login-info`, `login-error`) neither reload nor leave by themselves. With the stock file two tabs of one mail
// link reload each other for ever, each finding the other's KC_AUTH_SESSION_HASH cookie, and a click can land between
// two reloads and fail. The page of a mail link asks for its newer session only when the person comes back to its tab:
// its button would otherwise bring the same page once more.

const SESSION_POLLING_INTERVAL_MS = 2000
const AUTH_SESSION_DELAY_MS = 1000
const CALM_PAGES = ['login-info', 'login-error']

const initialSession = getCookie('KEYCLOAK_SESSION')
let timeout

// Safari does not fire `beforeunload` reliably, so a submitted form stops the polling too
// (https://bugs.webkit.org/show_bug.cgi?id=219102).
for (const form of document.forms) form.addEventListener('submit', stopSessionPolling)
globalThis.addEventListener('beforeunload', stopSessionPolling)

/**
 * Leaves a sign-in page once the person has signed in from another tab.
 * @param {string} redirectUrl where Keycloak continues with that session
 */
export function startSessionPolling(redirectUrl) {
  if (initialSession || isCalm()) return
  if (getCookie('KEYCLOAK_SESSION')) {
    stopSessionPolling()
    location.href = redirectUrl
    return
  }
  timeout = setTimeout(() => startSessionPolling(redirectUrl), SESSION_POLLING_INTERVAL_MS)
}

/**
 * Reloads a form whose authentication session was replaced by another tab: submitting it could only fail.
 * @param {string} pageAuthSessionHash hash of the session that this page was rendered for
 */
export function checkAuthSession(pageAuthSessionHash) {
  const reloadIfReplaced = () => {
    const current = getCookie('KC_AUTH_SESSION_HASH')
    if (current && current !== pageAuthSessionHash) location.reload()
  }
  if (!isCalm()) setTimeout(reloadIfReplaced, AUTH_SESSION_DELAY_MS)
  else if (document.getElementById('ell-confirm')) {
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') reloadIfReplaced()
    })
  }
}

function isCalm() {
  return CALM_PAGES.includes(document.body.dataset.pageId)
}

function stopSessionPolling() {
  clearTimeout(timeout)
  timeout = undefined
}

function getCookie(name) {
  for (const cookie of document.cookie.split(';')) {
    const [key, value] = cookie.split('=').map((part) => part.trim())
    if (key === name) return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  }
  return undefined
}
