/**
 * What has become of a request: the page behind the link of its acknowledgement, for whoever reads that mailbox.
 *
 *   GET  /access/{id}?s=      keeps the code in a cookie and goes on without it
 *   GET  /access/{id}         the state
 *   POST /access/{id}/resend  a fresh mail, once an agent has opened the access
 */
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { keptCode, moveCode } from './code.ts'
import { answerFreshMail, showNoState, showState } from './state-view.ts'

const pageOf = (id: string) => `/access/${id}`

export function requestScreen(parts: ScreenParts): Screens['accessRequest'] {
  const { cases, flashes, log } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      const link = { kind: 'state', parameter: 's', id, page: pageOf(id) } as const
      if (await moveCode(parts, req, res, { ...link, look: (code) => cases.requestView(id, code) })) return
      const code = keptCode(parts, req, 'state', id)
      const view = code && (await cases.requestView(id, code))
      contextOf(res).correlation.takeOver(view?.correlationId)
      const flash = flashes.take(req, res)
      if (!view) return showNoState(req, res)
      await showState(res, view, { flash, portalSignIn: parts.portalSignIn, path: pageOf(id) })
    },

    async resend(req, res) {
      const id = activationId(req)
      const code = parts.secrets.code(req, 'state', id)
      const outcome = code ? await cases.requestGrantedMail(id, code) : 'gone'
      log.info({ event: 'access.resend', ...contextOf(res).ids, access_request: id, outcome })
      flashes.redirect(res, pageOf(id), answerFreshMail(outcome))
    },
  }
}
