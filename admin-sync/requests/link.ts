/**
 * The codes in the links of mails about requests; as accounts/link.ts, of which they differ by their purpose. Computed
 * again whenever a job is repeated, and stored as SHA-256 digests only.
 *
 *   k  proves the address; one for each mail of a request (its generation)     w  "it was not me"
 *   s  shows the state of the request                                          h  answers for one holder of a case
 */
import { createHash, createHmac } from 'node:crypto'

/** `code` is base64url, as it stands in a link. */
export type Code = { code: string; hash: Buffer }

function derive(key: Buffer, subject: string): Code {
  const bytes = createHmac('sha256', key).update(subject).digest()
  return { code: bytes.toString('base64url'), hash: createHash('sha256').update(bytes).digest() }
}

/** @param key ADMIN_SYNC_LINK_KEY, here and below */
export const proofCode = (key: Buffer, requestId: string, generation: number): Code =>
  derive(key, `request proof|${requestId}|${generation}`)
export const withdrawCode = (key: Buffer, requestId: string): Code =>
  derive(key, `request withdraw|${requestId}`)
export const stateCode = (key: Buffer, requestId: string): Code => derive(key, `request state|${requestId}`)
/** Ends with the holder: whoever holds the login next gets another one. */
export const holderCode = (key: Buffer, caseId: string, activationId: string): Code =>
  derive(key, `case holder|${caseId}|${activationId}`)

export const proofUrl = (providerUrl: string, requestId: string, { code }: Code): string =>
  `${providerUrl}/access/${requestId}/prove?k=${code}`
export const withdrawUrl = (providerUrl: string, requestId: string, { code }: Code): string =>
  `${providerUrl}/access/${requestId}/withdraw?w=${code}`
export const stateUrl = (providerUrl: string, requestId: string, { code }: Code): string =>
  `${providerUrl}/access/${requestId}?s=${code}`
export const holderUrl = (providerUrl: string, caseId: string, { code }: Code): string =>
  `${providerUrl}/access/holder/${caseId}?h=${code}`
