/**
 * How an application of Ellipro checks what a person may use (docs/applications.md). Runs by itself, on a token that was
 * just issued:
 *
 *   node docs/examples/check-entitlements.ts https://login.example/realms/ellipro my-application < id-token.txt
 *
 * The ID token is the application's own proof of who signed in and what they may use. A token that is out of date, made
 * for another application, or signed by somebody else throws: nothing of it counts, not even the name in it.
 */
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey } from 'jose'

export type Report = 'essentiel' | 'efficient' | 'expert'
export type Analysis = 'classic' | 'optimum'

export type Entitlements = {
  /** At most twenty; `contractsTotal` says how many there are. The workspace's API knows all of them. */
  contracts: readonly string[]
  contractsTotal: number
  reports: readonly Report[]
  analyses: readonly Analysis[]
  score: boolean
  /** How many countries' reports can be read on line. */
  countries: number
}

/** Keeps Keycloak's public keys, and fetches them again when a token names one that it does not have. */
export const fetchKeys = (issuer: string): JWTVerifyGetKey =>
  createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`))

/**
 * @param idToken as the token endpoint gave it to this application
 * @throws JOSEError of jose when the token does not count
 */
export async function readEntitlements(
  idToken: string,
  { issuer, clientId, keys }: { issuer: string; clientId: string; keys: JWTVerifyGetKey },
): Promise<Entitlements> {
  const { payload } = await jwtVerify(idToken, keys, {
    issuer,
    audience: clientId,
    algorithms: ['RS256'],
    requiredClaims: ['sub', 'exp', 'iat'],
    clockTolerance: '5s',
  })
  // A claim that is absent gives nothing: a person without a contract, or an application without the scope.
  return {
    contracts: texts(payload['contracts']),
    contractsTotal: whole(payload['contracts_total']),
    reports: texts(payload['reports']) as Report[],
    analyses: texts(payload['analyses']) as Analysis[],
    score: payload['score'] === true,
    countries: whole(payload['countries']),
  }
}

const texts = (claim: unknown): string[] =>
  Array.isArray(claim) ? claim.filter((value) => typeof value === 'string') : []
const whole = (claim: unknown): number => (Number.isInteger(claim) ? (claim as number) : 0)

/** Let in who has the entitlement, not who is signed in. */
export const mayRead = ({ reports }: Entitlements, report: Report): boolean => reports.includes(report)
export const mayOrder = ({ analyses }: Entitlements, analysis: Analysis): boolean =>
  analyses.includes(analysis)

if (import.meta.main) {
  const [issuer = '', clientId = ''] = process.argv.slice(2)
  process.stdin.setEncoding('utf8')
  let idToken = ''
  for await (const part of process.stdin) idToken += String(part)
  const entitlements = await readEntitlements(idToken.trim(), { issuer, clientId, keys: fetchKeys(issuer) })
  console.log(JSON.stringify(entitlements, undefined, 2))
  console.log(`Essentiel reports: ${mayRead(entitlements, 'essentiel') ? 'yes' : 'no'}`)
}
