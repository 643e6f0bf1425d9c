/**
 * The code of a mail's link: GET moves it from the URL into a cookie and answers 303 to the same page without it, so
 * that it stays in no history, in no log and in no Referer. What is done with it needs a button: programs that look
 * into mails open every link.
 */
import type { Request, Response } from 'express'
import type { Language } from '../../../core/text.ts'
import { parseSecret, type CodeKind } from '../../activation/browser-secrets.ts'
import { contextOf } from '../../web/context.ts'
import type { ScreenParts } from '../parts.ts'

/** What a right code tells. */
type Told = { locale?: Language; correlationId?: string }

export type Link = {
  kind: CodeKind
  /** Name of the code in the URL. */
  parameter: string
  id: string
  /** Path without the code. */
  page: string
  /** `undefined`: the code is wrong. */
  look: (code: Buffer) => Promise<Told | undefined>
}

/** @returns true when the URL held a code: the answer is out */
export async function moveCode(
  parts: ScreenParts,
  req: Request,
  res: Response,
  link: Link,
): Promise<boolean> {
  const given = req.query[link.parameter]
  if (given === undefined) return false
  const code = parseSecret(given)
  const told = code && (await link.look(code))
  contextOf(res).correlation.takeOver(told?.correlationId)
  // A wrong one is not kept: other sites could fill the browser with them until no request fits any more.
  if (!code || !told) {
    res.redirect(303, `${link.page}?damaged=1`)
    return true
  }
  if (req.method !== 'HEAD') {
    parts.secrets.keepCode(res, link.kind, link.id, code)
    // The mail was written in the person's language; a browser that has chosen none goes on in it.
    if (told.locale && !parts.cookies.read(req, 'language'))
      parts.cookies.set(res, 'language', told.locale, { maxAgeSeconds: 31_536_000 })
  }
  res.redirect(303, link.page)
  return true
}

/** The code that this browser keeps; `undefined` when it has none, or just brought a wrong one. */
export const keptCode = (parts: ScreenParts, req: Request, kind: CodeKind, id: string): Buffer | undefined =>
  req.query['damaged'] === undefined ? parts.secrets.code(req, kind, id) : undefined
