/** Invariant 9: no line of the hostile-URL list ever becomes a redirect, as redirect_uri or as anything else we read. */
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { startInstance } from '../support/instance.ts'
import { startKeycloakClient } from '../support/keycloak-client.ts'

const lines = readFileSync(new URL('../../data/hostile-redirects.txt', import.meta.url), 'utf8')
  .replace(/\n$/, '')
  .split('\n')
const database = await createDatabase()
const keycloak = await startKeycloakClient()
const { origin } = await startInstance(database.provider, {
  KEYCLOAK_URL: keycloak.url,
  // One network sends them all, and the answer of the limit would say nothing of a redirect.
  AUTHORIZATIONS_PER_NETWORK: '100000',
})

/** A request whose path is sent byte for byte: fetch would tidy it up first. */
async function openRaw(
  path: string,
): Promise<{ status: number; location: string | undefined; body: string }> {
  const { hostname, port } = new URL(origin)
  const answer = await new Promise<IncomingMessage>((done, fail) => {
    get({ hostname, port, path, agent: false }, done).on('error', fail)
  })
  let body = ''
  for await (const chunk of answer) body += String(chunk)
  return { status: answer.statusCode ?? 0, location: answer.headers.location, body }
}

/** Lines with characters that no HTTP request line can carry are sent percent-encoded. */
const asPath = (line: string) => line.replaceAll(/[^\x21-\x7e]/g, encodeURIComponent)

type Answer = Awaited<ReturnType<typeof openRaw>>

/** The lines whose answer is not as it should be, with that answer. */
async function findOffences(
  pathOf: (line: string) => string,
  isRight: (answer: Answer) => boolean,
): Promise<string[]> {
  const offences: string[] = []
  for (let i = 0; i < lines.length; i += 20)
    await Promise.all(
      lines.slice(i, i + 20).map(async (line) => {
        const answer = await openRaw(pathOf(line))
        if (!isRight(answer)) offences.push(`${line} -> ${answer.status} ${answer.location ?? ''}`)
      }),
    )
  return offences
}

const isErrorPage = ({ status, location, body }: Answer) =>
  status === 400 &&
  location === undefined &&
  body.includes('data-page="error"') &&
  !body.includes('http-equiv="refresh"')
const staysHere = ({ status, location }: Answer) =>
  status < 500 && (location === undefined || /^\/(?![/\\])/.test(location))
const requestWith = (change: Record<string, string>) =>
  keycloak.request(origin, change).url.slice(origin.length)

describe('the hostile-URL list', () => {
  it('has its 558 URLs, and an empty line', () => {
    expect(lines.filter((line) => line !== '')).toHaveLength(558)
  })

  it('gets the error page, and no redirect, as redirect_uri of an otherwise right request', async () => {
    expect(await findOffences((line) => requestWith({ redirect_uri: line }), isErrorPage)).toEqual([])
  })

  it.each([
    ['behind', (line: string) => `${keycloak.redirectUri}${line}x`],
    ['in the query of', (line: string) => `${keycloak.redirectUri}?x=${line}`],
    ['in front of', (line: string) => `${line}x${keycloak.redirectUri}`],
  ])('gets the error page %s the registered URI', async (_, change) => {
    expect(await findOffences((line) => requestWith({ redirect_uri: change(line) }), isErrorPage)).toEqual([])
  })

  it.each([
    'request_uri',
    'post_logout_redirect_uri',
    'login_hint',
    'ui_locales',
    'client_id',
    'response_mode',
  ])('never leads elsewhere as %s', async (name) => {
    const known = [`${origin}/interaction/`, `${keycloak.redirectUri}?`]
    const offences = await findOffences(
      (line) => requestWith({ [name]: line }),
      ({ location }) => location === undefined || known.some((start) => location.startsWith(start)),
    )
    expect(offences).toEqual([])
  })

  it.each([
    '/',
    '/moved',
    '/desk',
    '/redirection',
    '/activation/continue',
    '/sign-in/callback',
    '/sign-in/switch',
  ])('never leads elsewhere as a parameter of %s', async (path) => {
    const names = ['lang', 'state', 'iss', 'code', 'next', 'redirect_uri', 'url', 'returnTo', 'k', 'w']
    const query = (line: string) => names.map((name) => `${name}=${encodeURIComponent(line)}`).join('&')
    expect(await findOffences((line) => `${path}?${query(line)}`, staysHere)).toEqual([])
  })

  it.each(['', '/', '/assets/', '/interaction/', '/oidc/', '/activation/'])(
    'never leads elsewhere as a path behind "%s"',
    async (start) => {
      const pathOf = (line: string) => `${start}${asPath(line)}`.replace(/^(?!\/)/, '/')
      expect(await findOffences(pathOf, staysHere)).toEqual([])
    },
  )
})
