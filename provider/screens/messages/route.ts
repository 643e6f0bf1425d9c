/**
 * "Save my old messages": the mailbox of a Cofacering login as a ZIP (messages/archive.ts). Two doors, for two proofs:
 *
 *   GET  /redirection/messages        whoever has just proved the Cofacering password, while nobody holds the login
 *   POST /redirection/messages/save   its ZIP; the page has the way back to where the person was
 *   GET  /messages                    after the move: signed in at Keycloak (sign-in.ts), the mailboxes of the person
 *   POST /messages/save               the ZIP of one of them, `mailbox` in the form
 *
 * Who may open which mailbox, and how often, is decided and counted in the database. A ZIP is the answer of a form, so
 * that nothing opens a mailbox that only follows links. Saving is refused before the first byte, with a page, or breaks
 * off; a page is never sent in the place of a ZIP that has begun.
 */
import type { Request, Response } from 'express'
import { sendArchive } from '../../messages/archive.ts'
import { createSlots } from '../../messages/slots.ts'
import type { OpenedMailbox, OpenResult } from '../../messages/store.ts'
import { createSeal } from '../../seal.ts'
import { waitFor } from '../../staff/session.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { typed } from '../fields.ts'
import { currentMailbox, type ScreenParts } from '../parts.ts'
import { createReaderCookies } from './kept.ts'
import {
  showChecking,
  showLoginMailbox,
  showMailboxes,
  showNotOpened,
  showRefused,
  type Refusal,
} from './pages.ts'
import { messageSignIn, page } from './sign-in.ts'

const loginPage = '/redirection/messages'

/** A browser that takes nothing for so long is gone, or stopped for ever. */
const stalledMs = 120_000

export function messagesScreen(parts: ScreenParts): Screens['messages'] {
  const { config, flashes, log, messages: store, secrets } = parts
  const cookies = createReaderCookies(
    parts.cookies,
    createSeal(config.PROVIDER_COOKIE_KEY, 'reader'),
    parts.now,
  )
  const slots = createSlots(config.MAILBOX_DOWNLOADS, log)

  /** @param from page of the button; @param open counts, so it is called only when there is a place */
  async function save(res: Response, from: string, open: () => Promise<OpenResult>): Promise<void> {
    const leave = slots.take()
    if (!leave) return refuse(res, from, 'busy')
    try {
      const result = await open()
      if (result.outcome !== 'opened') return await refuse(res, from, result.outcome)
      await send(res, result)
    } finally {
      leave()
    }
  }

  async function refuse(res: Response, from: string, outcome: Refusal): Promise<void> {
    log.info({ event: 'messages.not_opened', ...contextOf(res).ids, outcome })
    await showNotOpened(res, from, outcome)
  }

  async function send(res: Response, mailbox: OpenedMailbox): Promise<void> {
    const { ids, t, language } = contextOf(res)
    const startedAt = performance.now()
    const line = () => ({
      ...ids,
      messages: mailbox.messages,
      attachments: mailbox.attachments,
      bytes: mailbox.bytes,
      duration_ms: Math.round(performance.now() - startedAt),
    })
    res.setHeader('Content-Type', 'application/zip')
    res.setHeader('Content-Disposition', `attachment; filename="${archiveName(mailbox.login)}"`)
    // A proxy in front hands on what it gets, and does not write gigabytes to its disk.
    res.setHeader('X-Accel-Buffering', 'no')
    res.setTimeout(stalledMs, () => res.destroy())
    let isWhole = false
    try {
      await sendArchive({ mailbox, store, t, language, now: new Date(parts.now()) }, res)
      isWhole = true
      log.info({ event: 'messages.saved', ...line() })
    } catch (err) {
      // The connection is cut by now: a browser says that the download failed.
      res.destroy()
      log.warn({ event: 'messages.broken', ...line(), err })
    }
    // It ends by itself when this fails.
    await store
      .endSaving(mailbox.saving, isWhole)
      .catch((err: unknown) => log.warn({ event: 'messages.not_ended', ...ids, err }))
  }

  return {
    async showLogin(req, res) {
      const mailbox = await currentMailbox(parts, req)
      // Proved too long ago, held by somebody meanwhile, or empty: the screens know what comes next.
      if (!mailbox) return res.redirect(303, '/redirection')
      await showLoginMailbox(res, mailbox)
    },

    async saveLogin(req, res) {
      const hash = secrets.signInHash(req)
      if (!hash) return flashes.redirect(res, '/', { notice: { kind: 'info', text: { key: 'login.again' } } })
      await save(res, loginPage, () => store.openLoginMailbox(hash))
    },

    async show(req, res) {
      const hash = cookies.sessionHash(req)
      const state =
        hash &&
        (await waitFor(
          () => store.session(hash),
          (found) => found !== 'checking',
        ))
      if (!hash || !state) return res.redirect(303, '/messages/sign-in?begin=1')
      if (state === 'checking') return showChecking(res)
      if (state === 'refused') return showRefused(res)
      await showMailboxes(res, await store.mailboxes(hash), parts)
    },

    async save(req: Request, res: Response) {
      const hash = cookies.sessionHash(req)
      if (!hash || (await store.session(hash)) !== 'granted') return res.redirect(303, page)
      await save(res, page, () => store.openMailbox(hash, typed(req, 'mailbox')))
    },

    ...messageSignIn(parts, store, cookies),
  }
}

/** Only what stands in a header and in a file name of every system. */
function archiveName(login: string): string {
  const readable = login
    .normalize('NFD')
    .replaceAll(/[^\w.-]+/g, '')
    .replaceAll(/^[.-]+|[.-]+$/g, '')
    .slice(0, 40)
  return `cofacering-messages${readable && `-${readable}`}.zip`
}
