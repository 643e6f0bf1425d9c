/**
 * "It was not me", from the mail. GET shows what would be stopped and changes nothing, because mail scanners open
 * links; POST stops it and keeps the login from being used with this address for a while.
 *
 *   GET  /activation/{id}/withdraw?w=   keeps the code in a cookie and goes on without it
 *   GET  /activation/{id}/withdraw      POST
 */
import { parseSecret } from '../../activation/browser-secrets.ts'
import type { WithdrawView } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { showWithdrawal } from './view.ts'

const pageOf = (id: string) => `/activation/${id}/withdraw`

export function withdrawScreen({ cookies, log, secrets, store }: ScreenParts): Screens['withdraw'] {
  return {
    async show(req, res) {
      const id = activationId(req)
      const given = req.query['w']
      if (given !== undefined) {
        const w = parseSecret(given)
        const view = w ? await store.withdrawView(id, w) : undefined
        contextOf(res).correlation.takeOver(view?.correlationId)
        // A wrong one is not kept: other sites could fill the browser with them until no request fits any more.
        if (req.method !== 'HEAD' && w && view && view.outcome !== 'bad_code') {
          secrets.keepWithdrawal(res, id, w)
          if (!cookies.read(req, 'language'))
            cookies.set(res, 'language', view.locale, { maxAgeSeconds: 31_536_000 })
        }
        return res.redirect(303, pageOf(id))
      }
      const w = secrets.withdrawal(req, id)
      const view: WithdrawView = w ? await store.withdrawView(id, w) : { outcome: 'bad_code' }
      contextOf(res).correlation.takeOver(view.correlationId)
      await showWithdrawal(req, res, id, view)
    },

    async submit(req, res) {
      const id = activationId(req)
      const w = secrets.withdrawal(req, id)
      const outcome = w ? await store.withdrawActivation(id, w) : 'bad_code'
      log.info({
        event: 'activation.withdraw',
        ...contextOf(res).ids,
        activation_id: id,
        outcome,
      })
      // The page itself knows what came of it.
      res.redirect(303, pageOf(id))
    },
  }
}
