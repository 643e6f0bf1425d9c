/**
 * "We are opening your account": where the confirming browser waits, a few seconds most often, until admin-sync has
 * opened the account. The page loads itself again; when the account is open, this browser is given a proof for our
 * OP and sent to Keycloak, which signs the person in. Any other browser is sent to the activation's page.
 *
 *   GET /activation/{id}/opening?n=   n: how often the page has loaded itself
 */
import type { Request, Response } from 'express'
import { giveProof } from '../../oidc/proof.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'
import { showOpened, showProblem, showWaiting } from './view.ts'

export function openingScreen(parts: ScreenParts): Screens['opening'] {
  const { secrets, store } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      const finisher = secrets.finisherHash(req, id)
      const view = finisher && (await store.finishView(id, finisher))
      // Another browser may have confirmed since: the page of the link knows what this one may be told.
      if (!view) return res.redirect(303, `/activation/${id}${secrets.link(req, id) ? '/confirm' : ''}`)
      contextOf(res).correlation.takeOver(view.correlationId)
      switch (view.state) {
        case 'confirmed':
          return showWaiting(res, id, readCount(req.query['n']), view, parts)
        case 'opened':
          return signIn(parts, req, res, id, finisher)
        case 'requested':
        case 'mailed':
          return showProblem(res, id, 'not_verified', view, parts)
        case 'refused':
          return showProblem(res, id, view.reason === 'address_taken' ? 'refused' : 'failed', view, parts)
        case 'waiting':
          return res.redirect(303, `/activation/${id}/waiting`)
        case 'closed':
          return res.redirect(303, '/desk')
        case 'expired':
        case 'withdrawn':
          return res.redirect(303, `/activation/${id}/confirm`)
      }
    },
  }
}

async function signIn(
  parts: ScreenParts,
  req: Request,
  res: Response,
  id: string,
  finisher: Buffer,
): Promise<void> {
  // A proof is something that only GET gives.
  const handle = req.method === 'HEAD' ? undefined : await giveProof(parts, res, id, finisher)
  // Signed in before, or too late for this way: the person has an address and a password.
  if (!handle) return showOpened(res, parts)
  await parts.relyingParty.start(req, res, { activationId: id, handle })
}

function readCount(text: unknown): number {
  return typeof text === 'string' && /^\d{1,4}$/.test(text) ? Number(text) : 0
}
