/**
 * The codes in the links of mails. Each can be computed again at any time, so that a job that is repeated after a
 * crash sends the same link, and nothing that opens anything is stored: the database holds SHA-256 digests.
 *
 * k  proves that its holder reads the mailbox; one for each mail of an activation (its generation), and another one
 *    where the mail is not the confirmation but "you already have an account"
 * w  says "it was not me", and nothing else; one for all mails of an activation
 */
import { createHash, createHmac } from 'node:crypto'

export type Codes = { k: string; linkHash: Buffer; w: string; withdrawHash: Buffer }

/**
 * @param key ADMIN_SYNC_LINK_KEY. `k` and `w` are base64url.
 * @param purpose `link`: of the confirmation; `contract`: adds the contract to an account that exists, and confirms nothing
 */
export function makeCodes(
  key: Buffer,
  activationId: string,
  generation: number,
  purpose: 'link' | 'contract' = 'link',
): Codes {
  const link = derive(key, `${purpose}|${activationId}|${generation}`)
  const withdraw = derive(key, `withdraw|${activationId}`)
  return {
    k: link.toString('base64url'),
    linkHash: createHash('sha256').update(link).digest(),
    w: withdraw.toString('base64url'),
    withdrawHash: createHash('sha256').update(withdraw).digest(),
  }
}

const derive = (key: Buffer, subject: string) => createHmac('sha256', key).update(subject).digest()

/** Keycloak refuses a redirect URI that holds `state=`; hence the one-letter names. */
export const confirmUrl = (providerUrl: string, activationId: string, k: string): string =>
  `${providerUrl}/activation/${activationId}/confirm?k=${k}`

export const contractUrl = (providerUrl: string, activationId: string, k: string): string =>
  `${providerUrl}/activation/${activationId}/contract?k=${k}`

export const withdrawUrl = (providerUrl: string, activationId: string, w: string): string =>
  `${providerUrl}/activation/${activationId}/withdraw?w=${w}`
