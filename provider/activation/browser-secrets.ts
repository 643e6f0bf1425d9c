/**
 * The secrets that a browser holds for an activation, one cookie each: 32 random bytes in base64url.
 *
 *   sign_in        the legacy directory said yes to this browser            half an hour
 *   activation     this browser started the activation                     25 hours
 *   act_<id>       k of the mail that was opened here                      25 hours
 *   wd_<id>        the withdraw code of the mail                           25 hours
 *   finish_<id>    this browser's POST confirmed the activation, or began to add its contract   an hour;
 *                  a month where that confirmation became a request
 *   pf_<id>        the code that proves the address of a request           25 hours
 *   rw_<id>        its withdraw code                                       25 hours
 *   rs_<id>        the code of its state page                              25 hours
 *   hq_<case>      the code of the holder's questions                      25 hours
 *   ac_<id>        k of the mail that leads to adding the contract        25 hours
 *   link           not a secret: the id of the activation whose mail was opened here last
 *
 * The database knows `sign_in`, `activation` and `finish_<id>` by the SHA-256 of their bytes, and gets the bytes of
 * the others, whose hashes it holds.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Cookies } from '../web/cookies.ts'
import { signInSeconds } from './sign-ins.ts'
import { isActivationId } from './store.ts'

const daySeconds = 25 * 3600
const form = /^[\w-]{43}$/

/** The bytes of a secret as it stands in a URL or a cookie; `undefined` when it has not the form of one. */
export function parseSecret(text: unknown): Buffer | undefined {
  return typeof text === 'string' && form.test(text) ? Buffer.from(text, 'base64url') : undefined
}

export const hashSecret = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

/** The secret of a session to come, as its cookie holds it. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
/** SHA-256 of its bytes. @throws Error for a text that newSecret did not make */
export function hashOf(secret: string): Buffer {
  const bytes = parseSecret(secret)
  if (!bytes) throw new Error('not a secret')
  return hashSecret(bytes)
}

/** Codes of the mails about requests, of the mail that adds a contract, and the beginning of their cookies' names. */
const codeCookies = { proof: 'pf', withdraw: 'rw', state: 'rs', holder: 'hq', contract: 'ac' }
export type CodeKind = keyof typeof codeCookies

export type BrowserSecrets = {
  signInHash(req: Request): Buffer | undefined
  /** Makes a new one and gives its hash: a sign-in never continues an earlier one. */
  newSignIn(res: Response): Buffer
  /** SHA-256 of the cookie of the browser that starts activations. */
  activationHash(req: Request): Buffer | undefined
  /**
   * The same, made when absent. `anew`: before somebody starts an activation, so that whoever had this browser before
   * does not hold what steers it.
   */
  ensureActivation(req: Request, res: Response, anew?: boolean): Buffer
  /** The bytes of k. */
  link(req: Request, id: string): Buffer | undefined
  keepLink(res: Response, id: string, k: Buffer): void
  /** Id of the activation whose mail was opened here last. */
  lastLink(req: Request): string | undefined
  /** The bytes of the withdraw code. */
  withdrawal(req: Request, id: string): Buffer | undefined
  keepWithdrawal(res: Response, id: string, w: Buffer): void
  /** The bytes of a code of a mail about a request; `id` of the request, or of the case. */
  code(req: Request, kind: CodeKind, id: string): Buffer | undefined
  keepCode(res: Response, kind: CodeKind, id: string, code: Buffer): void
  /** SHA-256 of the cookie of the browser that confirmed. */
  finisherHash(req: Request, id: string): Buffer | undefined
  /** Keeps it for as long as the request that the confirmation became may take. */
  prolongFinisher(req: Request, res: Response, id: string): void
  /** Makes it and gives its hash; the same for the same browser, so that a double click changes nothing. */
  becomeFinisher(req: Request, res: Response, id: string): Buffer
}

/** @param key 32 bytes, PROVIDER_COOKIE_KEY */
export function createBrowserSecrets(cookies: Cookies, key: Buffer): BrowserSecrets {
  const read = (req: Request, name: string) => parseSecret(cookies.read(req, name))
  const hash = (req: Request, name: string) => {
    const bytes = read(req, name)
    return bytes && hashSecret(bytes)
  }
  const keep = (res: Response, name: string, bytes: Buffer, maxAgeSeconds: number) => {
    cookies.set(res, name, bytes.toString('base64url'), { maxAgeSeconds })
    return hashSecret(bytes)
  }
  return {
    signInHash: (req) => hash(req, 'sign_in'),
    newSignIn: (res) => keep(res, 'sign_in', randomBytes(32), signInSeconds),
    activationHash: (req) => hash(req, 'activation'),
    ensureActivation(req, res, anew = false) {
      const present = anew ? undefined : read(req, 'activation')
      return keep(res, 'activation', present ?? randomBytes(32), daySeconds)
    },
    link: (req, id) => read(req, `act_${id}`),
    keepLink(res, id, k) {
      keep(res, `act_${id}`, k, daySeconds)
      cookies.set(res, 'link', id, { maxAgeSeconds: daySeconds })
    },
    lastLink(req) {
      const id = cookies.read(req, 'link')
      return id && isActivationId(id) ? id : undefined
    },
    withdrawal: (req, id) => read(req, `wd_${id}`),
    keepWithdrawal(res, id, w) {
      keep(res, `wd_${id}`, w, daySeconds)
    },
    code: (req, kind, id) => read(req, `${codeCookies[kind]}_${id}`),
    keepCode(res, kind, id, code) {
      keep(res, `${codeCookies[kind]}_${id}`, code, daySeconds)
    },
    finisherHash: (req, id) => hash(req, `finish_${id}`),
    prolongFinisher(req, res, id) {
      const bytes = read(req, `finish_${id}`)
      if (bytes) keep(res, `finish_${id}`, bytes, 30 * 86_400)
    },
    becomeFinisher(req, res, id) {
      // The CSRF check has seen this cookie; without it a double click could not be told from two browsers.
      const browser = cookies.read(req, 'browser')
      if (!browser) throw new Error('A form was accepted without the browser cookie')
      const bytes = createHmac('sha256', key).update(`finisher\0${id}\0${browser}`).digest()
      return keep(res, `finish_${id}`, bytes, 3600)
    },
  }
}
