/**
 * What a form has to say after it was sent: answers of forms are redirects, so that reload and Back send nothing a
 * second time, and the page that follows takes the message from a short signed cookie. It is shown once, on the
 * page that it is for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Translate, Values } from '../../core/text.ts'
import type { Cookies } from '../web/cookies.ts'
import { contextOf } from '../web/context.ts'
import type { Notice } from './layout.ts'

/** A key of the text catalogue with its values; shown in whatever language the next page has. */
export type Message = { key: string; values?: Values }
export type Flash = {
  notice?: { kind: Notice['kind']; title?: Message; text?: Message }
  /** By field. */
  errors?: Record<string, Message>
  /** What was typed, by field. Never a password. */
  values?: Record<string, string>
}

export type Flashes = {
  /** For the page at `path`; the answer is a 303 to it. */
  redirect(res: Response, path: string, flash: Flash): void
  /** Takes the message for the requested page; empty when there is none. HEAD leaves it for GET. */
  take(req: Request, res: Response): Flash
}

const cookie = 'flash'
const maxAgeSeconds = 120
/** Browsers drop a cookie above 4096 bytes. Long input is refused by its own check and needs no echo. */
const maxLength = 3500

/** @param key 32 bytes, PROVIDER_COOKIE_KEY */
export function createFlashes(cookies: Cookies, key: Buffer): Flashes {
  const sign = (text: string) => createHmac('sha256', key).update(`flash\0${text}`).digest()
  const encode = (path: string, flash: Flash) => {
    const text = Buffer.from(JSON.stringify([path, flash])).toString('base64url')
    return `${text}.${sign(text).toString('base64url')}`
  }
  return {
    redirect(res, path, flash) {
      const full = encode(path, flash)
      const { values: _, ...short } = flash
      if (res.req.method !== 'HEAD')
        cookies.set(res, cookie, full.length > maxLength ? encode(path, short) : full, { maxAgeSeconds })
      res.redirect(303, path)
    },
    take(req, res) {
      const [text = '', signature = ''] = (cookies.read(req, cookie) ?? '').split('.')
      const given = Buffer.from(signature, 'base64url')
      const expected = sign(text)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return {}
      const [path, flash] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [string, Flash]
      if (path !== contextOf(res).path) return {}
      if (req.method !== 'HEAD') cookies.clear(res, cookie)
      return flash
    },
  }
}

/** The notice of a flash in the language of the page. */
export function showNotice(t: Translate, { notice }: Flash): Notice | undefined {
  if (!notice) return undefined
  const { kind, title, text } = notice
  return {
    kind,
    ...(title && { title: t(title.key, title.values) }),
    ...(text && { text: t(text.key, text.values) }),
  }
}
