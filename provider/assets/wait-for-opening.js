// A page that waits (for an account, an agent's access, a decision) stays as it is, so that a screen reader is not made to begin again
// every two seconds: this script asks with HEAD, which changes nothing, and loads the page when the answer would be
// another one. Without scripts the page loads itself (`meta refresh` inside `noscript`).
const { waitSeconds } = document.querySelector('[data-wait-seconds]').dataset
let asked = Number(new URLSearchParams(location.search).get('n') ?? 0)

async function ask() {
  asked = Math.min(asked + 1, 9999)
  const url = new URL(location)
  url.searchParams.set('n', asked)
  if (await hasChanged(url)) location.replace(url)
  else wait()
}

/** A server or a network that is away for a moment is no change. */
async function hasChanged(url) {
  try {
    const answer = await fetch(url, { method: 'HEAD', redirect: 'manual', cache: 'no-store' })
    return answer.status < 500 && answer.headers.get('Retry-After') !== waitSeconds
  } catch {
    return false
  }
}

function wait() {
  setTimeout(ask, Number(waitSeconds) * 1000)
}

wait()
