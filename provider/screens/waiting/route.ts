/**
 * Mailbox and password were right, but the login has its holder meanwhile: the activation became a request for an
 * access of one's own, which the Service Relation Client decides. The browser that confirmed sees its state, and may
 * add the name and telephone that the request lacks.
 *
 *   GET  /activation/{id}/waiting
 *   POST /activation/{id}/waiting          `name` and `phone`, once
 *   POST /activation/{id}/waiting/resend   a fresh mail, once an agent has opened the access
 */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import type { WaitingView } from '../../cases/store.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { readPerson } from '../access/form.ts'
import { answerFreshMail, showState } from '../access/state-view.ts'
import { nameField, phoneField } from '../access/view.ts'
import { actions, form, linkButton, submitButton, typed } from '../fields.ts'
import type { Flash } from '../flash.ts'
import { renderPage, type Html } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'
import { activationId } from '../sent/route.ts'

const pageOf = (id: string) => `/activation/${id}/waiting`

export function waitingScreen(parts: ScreenParts): Screens['waiting'] {
  const { cases, flashes, log, secrets, store } = parts
  return {
    async show(req, res) {
      const id = activationId(req)
      const finisher = secrets.finisherHash(req, id)
      const view = finisher && (await cases.waitingView(id, finisher))
      contextOf(res).correlation.takeOver(view?.correlationId)
      const flash = flashes.take(req, res)
      if (view && req.method !== 'HEAD') secrets.prolongFinisher(req, res, id)
      if (view)
        return showState(res, view, {
          flash,
          portalSignIn: parts.portalSignIn,
          path: pageOf(id),
          more: moreOf(res, id, view, flash),
          prefix: 'waiting',
        })
      if (!(await startedHere(req, id))) return res.redirect(303, `/activation/${id}`)
      await showElsewhere(res, flash)
    },

    async submit(req, res) {
      const id = activationId(req)
      const values = { name: typed(req, 'name'), phone: typed(req, 'phone') }
      const { details, errors } = readPerson(values)
      if (!details) return flashes.redirect(res, pageOf(id), { errors, values })
      const finisher = secrets.finisherHash(req, id)
      const isTaken =
        finisher !== undefined && (await cases.nameWaiting(id, finisher, details.name, details.phone))
      log.info({
        event: 'access.name',
        ...contextOf(res).ids,
        activation_id: id,
        outcome: isTaken ? 'named' : 'gone',
      })
      flashes.redirect(
        res,
        pageOf(id),
        isTaken ? { notice: { kind: 'success', text: { key: 'waiting.named' } } } : {},
      )
    },

    async resend(req, res) {
      const id = activationId(req)
      const finisher = secrets.finisherHash(req, id)
      const outcome = finisher ? await cases.waitingGrantedMail(id, finisher) : 'gone'
      log.info({ event: 'access.resend', ...contextOf(res).ids, activation_id: id, outcome })
      flashes.redirect(res, pageOf(id), answerFreshMail(outcome))
    },
  }

  /** The browser that started the activation, without what shows that it confirmed. */
  async function startedHere(req: Request, id: string): Promise<boolean> {
    const hash = secrets.activationHash(req)
    return hash !== undefined && (await store.activationView(id, hash))?.state === 'waiting'
  }
}

function moreOf(res: Response, id: string, view: WaitingView, flash: Flash): Html | undefined {
  const context = contextOf(res)
  const { t } = context
  const colleague = html`<p>
    ${t('waiting.colleague')} <a href="/access/new">${t('waiting.colleague_link')}</a>
  </p>`
  if (view.state !== 'proved' || view.name !== undefined) return colleague
  return html`<h2 class="ell-subtitle">${t('waiting.name_title')}</h2>
    <p>${t('waiting.name_why')}</p>
    ${form(
      context,
      pageOf(id),
      html`${nameField(res, flash)} ${phoneField(res, flash)}
      ${actions(submitButton(t('waiting.name_submit')))}`,
    )}
    ${colleague}`
}

/** Nothing of the request itself: its mail has the link that shows it. */
async function showElsewhere(res: Response, flash: Flash): Promise<void> {
  const { t } = contextOf(res)
  await renderPage(res, {
    name: 'waiting-elsewhere',
    title: t('access.state.proved_title'),
    flash,
    body: html`<p class="ell-lead">${t('waiting.elsewhere')}</p>
      ${actions(linkButton('/access/new', t('waiting.colleague_link'), 'secondary'))}`,
  })
}
