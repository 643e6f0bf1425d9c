/**
 * "This login has moved": somebody has opened an Ellipro account with it, perhaps the person who reads this. GET
 * only; nothing is changed here. Whoever signed in with the login a moment ago sees the first letter of the holder's
 * address, and its domain only when it is the contract's own; a browser without that sees no address.
 */
import { html } from 'hono/html'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { actions, facts, linkButton } from '../fields.ts'
import { deskContacts, renderPage } from '../layout.ts'
import { currentFacts, currentSignIn, type ScreenParts } from '../parts.ts'

const dots = '•••••'

export function movedScreen(parts: ScreenParts): Screens['moved'] {
  return {
    async show(req, res) {
      const { t, desk, language } = contextOf(res)
      const signIn = await currentSignIn(parts, req)
      const holder = signIn && (await currentFacts(parts, req, signIn)).holder
      if (holder?.state === 'closed') return res.redirect(303, '/desk')
      await renderPage(res, {
        name: 'moved',
        title: t('moved.title'),
        flash: parts.flashes.take(req, res),
        hasDesk: true,
        body: html`<p class="ell-lead">${t('moved.lead')}</p>
          ${
            signIn &&
            facts([
              [t('facts.login'), signIn.login],
              [t('facts.company'), signIn.company],
              ...(holder
                ? [
                    [t('facts.holder'), `${holder.initial}${dots}@${holder.domain ?? dots}`] as [
                      string,
                      string,
                    ],
                  ]
                : []),
            ])
          }
          <h2 class="ell-subtitle">${t('moved.me_title')}</h2>
          <p>${t('moved.me')}</p>
          ${actions(linkButton(parts.portalSignIn, t('portal.sign_in')))}
          <hr class="ell-rule" />
          <h2 class="ell-subtitle">${t('moved.other_title')}</h2>
          <p>${t('moved.other')}</p>
          ${deskContacts(desk)}
          <p>${t('desk.open_hours', { hours: desk.hours[language] })}</p>`,
      })
    },
  }
}
