/**
 * "This login has moved": somebody has opened an Ellipro account with it. Two ways on: "it is me", to the portal's
 * sign-in, and "I am someone else", to the request for an access of one's own. GET only; nothing is changed here.
 *
 * Whoever signed in with the login a moment ago sees the first letter of the holder's address, and its domain only when
 * it is the contract's own; a browser without that sees no address. The address is filled in at the sign-in only where
 * that tells nothing new: in the browser that typed it.
 */
import type { Request } from 'express'
import { html } from 'hono/html'
import type { LoginFacts } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { actions, facts, linkButton } from '../fields.ts'
import { renderPage } from '../layout.ts'
import { currentFacts, currentSignIn, type ScreenParts } from '../parts.ts'

const dots = '•••••'

export function movedScreen(parts: ScreenParts): Screens['moved'] {
  return {
    async show(req, res) {
      const { t } = contextOf(res)
      const signIn = await currentSignIn(parts, req)
      const known = signIn && (await currentFacts(parts, req, signIn))
      const holder = known?.holder
      if (holder?.state === 'closed') return res.redirect(303, '/desk')
      const shown: [string, string][] = signIn
        ? [
            [t('facts.login'), signIn.login],
            [t('facts.company'), signIn.company],
          ]
        : []
      if (holder) shown.push([t('facts.holder'), `${holder.initial}${dots}@${holder.domain ?? dots}`])
      await renderPage(res, {
        name: 'moved',
        title: t('moved.title'),
        flash: parts.flashes.take(req, res),
        body: html`<p class="ell-lead">${t('moved.lead')}</p>
          ${signIn && facts(shown)}
          <h2 class="ell-subtitle">${t('moved.me_title')}</h2>
          <p>${t('moved.me')}</p>
          ${actions(linkButton(await signInUrl(parts, req, known), t('moved.me_button')))}
          <hr class="ell-rule" />
          <h2 class="ell-subtitle">${t('moved.other_title')}</h2>
          <p>${t('moved.other')}</p>
          ${actions(linkButton('/access/new', t('moved.other_button'), 'secondary'))}`,
      })
    },
  }
}

/** The portal's sign-in, with the address when this browser's own activation is the holder's. */
async function signInUrl(
  { portalSignIn, secrets, store }: ScreenParts,
  req: Request,
  known: LoginFacts | undefined,
): Promise<string> {
  const own = known?.own
  const hash = secrets.activationHash(req)
  if (!own?.isHolder || !hash) return portalSignIn
  const address = (await store.activationView(own.id, hash))?.address
  return address === undefined ? portalSignIn : `${portalSignIn}?login_hint=${encodeURIComponent(address)}`
}
