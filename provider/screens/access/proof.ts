/**
 * From the mail that proves the address of a request: "yes, I asked", and "it was not me".
 *
 *   GET  /access/{id}/prove?k=      keeps the code in a cookie and goes on without it
 *   GET  /access/{id}/prove         says what it is about;  POST proves the address, and an agent gets the request
 *   GET  /access/{id}/withdraw?w=   the same for the other link;  POST ends the request and blocks the pair
 */
import { contextOf } from '../../web/context.ts'
import type { ProofView, RequestWithdrawView } from '../../cases/store.ts'
import type { Screens } from '../../web/screen.ts'
import type { Flash } from '../flash.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { keptCode, moveCode } from './code.ts'
import { showProof, showRequestWithdrawal } from './proof-view.ts'

const proofPageOf = (id: string) => `/access/${id}/prove`
const withdrawPageOf = (id: string) => `/access/${id}/withdraw`
const full: Flash = { notice: { kind: 'warning', text: { key: 'access.full' } } }

export function proofScreen(parts: ScreenParts): Screens['accessProof'] {
  const { cases, flashes, log } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      const isMoved = await moveCode(parts, req, res, {
        kind: 'proof',
        parameter: 'k',
        id,
        page: proofPageOf(id),
        async look(code) {
          const view = await cases.proofView(id, code)
          return view.outcome === 'bad_link' ? undefined : view
        },
      })
      if (isMoved) return
      const code = keptCode(parts, req, 'proof', id)
      const view: ProofView = code ? await cases.proofView(id, code) : { outcome: 'bad_link' }
      contextOf(res).correlation.takeOver(view.correlationId)
      const isFull = flashes.take(req, res).notice !== undefined && view.outcome === 'valid'
      await showProof(req, res, id, view, isFull)
    },

    async submit(req, res) {
      const id = activationId(req)
      const code = parts.secrets.code(req, 'proof', id)
      const outcome = code ? await cases.proveAddress(id, code) : 'bad_link'
      log.info({ event: 'access.prove', ...contextOf(res).ids, access_request: id, outcome })
      if (outcome === 'case_full') return flashes.redirect(res, proofPageOf(id), full)
      // The page itself knows what came of it.
      res.redirect(303, proofPageOf(id))
    },
  }
}

export function requestWithdrawScreen(parts: ScreenParts): Screens['accessWithdraw'] {
  const { cases, log } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      const isMoved = await moveCode(parts, req, res, {
        kind: 'withdraw',
        parameter: 'w',
        id,
        page: withdrawPageOf(id),
        async look(code) {
          const view = await cases.withdrawView(id, code)
          return view.outcome === 'bad_code' ? undefined : view
        },
      })
      if (isMoved) return
      const code = keptCode(parts, req, 'withdraw', id)
      const view: RequestWithdrawView = code ? await cases.withdrawView(id, code) : { outcome: 'bad_code' }
      contextOf(res).correlation.takeOver(view.correlationId)
      await showRequestWithdrawal(req, res, id, view)
    },

    async submit(req, res) {
      const id = activationId(req)
      const code = parts.secrets.code(req, 'withdraw', id)
      const outcome = code ? await cases.withdrawRequest(id, code) : 'bad_code'
      log.info({ event: 'access.withdraw', ...contextOf(res).ids, access_request: id, outcome })
      res.redirect(303, withdrawPageOf(id))
    },
  }
}
