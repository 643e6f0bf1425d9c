/**
 * GET /activation/continue: where Keycloak's own pages lead when they can go no further: "already confirmed",
 * "link no longer valid", "somebody else is signed in". This browser's cookies tell where it was; without any, the
 * person starts again with the Cofacering login. Keycloak says nothing about the reason, so the page names them all.
 */
import { html } from 'hono/html'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { actions, linkButton } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'
import { cameBackKey } from '../sent/view.ts'

const comeBack: Flash = { notice: { kind: 'info', text: { key: cameBackKey } } }

export function resumeScreen(parts: ScreenParts): Screens['resume'] {
  const { flashes, keycloakSignOut, portalSignIn, secrets, store } = parts
  return {
    async show(req, res) {
      const hash = secrets.activationHash(req)
      const started = hash && (await store.browserActivation(hash))
      // The mail was opened here: its k is still good, or its page says what is.
      const opened = secrets.lastLink(req)
      const k = opened && secrets.link(req, opened)
      const link = opened && k && (await store.linkView(opened, k)).outcome
      if (link === 'valid') return res.redirect(303, `/activation/${opened}/confirm`)
      // One that still waits is what the person is about; else what became of it says more than Keycloak's page did.
      if (started && (await store.activationView(started, hash))?.state === 'mailed')
        return flashes.redirect(res, `/activation/${started}`, comeBack)
      if (link && !(started && link === 'bad_link')) return res.redirect(303, `/activation/${opened}/confirm`)
      if (started) return res.redirect(303, `/activation/${started}`)
      const { t } = contextOf(res)
      await renderPage(res, {
        name: 'resume',
        title: t('resume.title'),
        step: 2,
        body: html`<p class="ell-lead">${t('resume.lead')}</p>
          <ul class="ell-list">
            <li>${t('resume.already')}</li>
            <li>${t('resume.stale')}</li>
            <li>
              ${t('resume.other_person')}
              <a href="${keycloakSignOut}">${t('resume.sign_out')}</a>
            </li>
          </ul>
          ${actions(
            linkButton('/', t('again.start')),
            linkButton(portalSignIn, t('portal.sign_in'), 'secondary'),
          )}`,
      })
    },
  }
}
