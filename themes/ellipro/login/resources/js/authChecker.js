// Stands in for Keycloak's file of the same name (26.7.5, Apache-2.0), with one difference: pages that hold no sign-in
// form (`login-info`, `login-error`) neither reload nor leave by themselves. With the stock file two tabs of one mail
// link reload each other for ever, each finding the other's KC_AUTH_SESSION_HASH cookie, and a click can land between
// two reloads and fail. The page of a mail link asks for a newer session only when the person comes back to its tab or
// presses its button, and its session was replaced by another tab or is too old: Keycloak would bring the same page once
// more, and after it one that has forgotten where the link was to lead.

const SESSION_POLLING_INTERVAL_MS = 2000
const AUTH_SESSION_DELAY_MS = 1000
/** So long does KC_AUTH_SESSION_HASH tell of a newer session; after half an hour Keycloak has forgotten them all. */
const LINK_PAGE_LIFETIME_MS = 45_000
const PRESSED = 'ell-confirm-pressed'
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
  const isReplaced = () => {
    const current = getCookie('KC_AUTH_SESSION_HASH')
    return Boolean(current) && current !== pageAuthSessionHash
  }
  if (isCalm()) keepLinkPage(isReplaced)
  else setTimeout(() => isReplaced() && location.reload(), AUTH_SESSION_DELAY_MS)
}

/** The page of a mail link: its button works when it is pressed, however long that takes. */
function keepLinkPage(isReplaced) {
  const button = document.getElementById('ell-confirm')
  if (!button) return
  const loadedAt = Date.now()
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && isReplaced()) location.reload()
  })
  const isStale = () => isReplaced() || Date.now() - loadedAt > LINK_PAGE_LIFETIME_MS
  button.addEventListener('click', (event) => {
    if (!isStale() || !keepPress(true)) return
    event.preventDefault()
    location.reload()
  })
  // Pressed before the reload: the person need not do it twice.
  if (keepPress(false) && !isStale()) button.click()
}

/** Sets or takes the mark that the button was pressed. False where the browser refuses to keep anything. */
function keepPress(pressed) {
  try {
    const before = sessionStorage.getItem(PRESSED) === location.pathname
    if (pressed) sessionStorage.setItem(PRESSED, location.pathname)
    else sessionStorage.removeItem(PRESSED)
    return pressed || before
  } catch {
    return false
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
