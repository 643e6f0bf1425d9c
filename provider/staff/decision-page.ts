/** What became of a decision: being applied, done, waiting for a second agent, or why it does not count. */
import type { Request, Response } from 'express'
import { html } from 'hono/html'
import { actions, linkButton } from '../screens/fields.ts'
import { contextOf } from '../web/context.ts'
import { renderStaffPage } from './layout.ts'
import { refreshSeconds } from './pages.ts'
import { waitingUrl } from './paths.ts'
import type { Agent } from './session.ts'
import type { DecisionView } from './store.ts'
import { describeTime } from './wording.ts'

/** Codes of admin-sync that have words of their own; others are shown as they are, for the administrator. */
const refusals = [
  'stale',
  'own_request',
  'needs_call',
  'already_decided',
  'requests_open',
  'not_allowed',
  'second_is_first',
  'no_holder',
  'login_unknown',
] as const

/** @param outcome a code of admin-sync's; the key of what an agent is told */
export function refusalKey(outcome: string | undefined): string {
  const known = refusals.find((one) => one === outcome)
  if (known) return `staff.refusal.${known}`
  return outcome?.startsWith('token_') ? 'staff.refusal.sign_in_refused' : 'staff.refusal.other'
}

export async function renderDecision(
  req: Request,
  res: Response,
  agent: Agent,
  { state, outcome, kind, caseId, dueAt }: DecisionView,
): Promise<void> {
  const { t, language } = contextOf(res)
  const back = actions(
    linkButton(`/staff/cases/${caseId}`, t(state === 'rejected' ? 'staff.decision.again' : 'staff.to_case')),
    linkButton('/staff', t('staff.to_list'), 'secondary'),
  )
  switch (state) {
    case 'submitted':
      res.setHeader('Retry-After', String(refreshSeconds))
      return renderStaffPage(res, agent, {
        name: 'staff-decision-applying',
        title: t('staff.decision.applying_title'),
        refresh: { url: waitingUrl(req), seconds: refreshSeconds, withoutScriptsOnly: true },
        scripts: ['wait-for-opening.js'],
        body: html`<p class="ell-working" role="status" data-wait-seconds="${refreshSeconds}">
            ${t('staff.decision.applying')}
          </p>
          <p>${t('staff.decision.applying_text')}</p>
          ${actions(linkButton(`/staff/cases/${caseId}`, t('staff.to_case'), 'secondary'))}`,
      })
    case 'applied':
      return renderStaffPage(res, agent, {
        name: 'staff-decision-done',
        title: t('staff.decision.done_title'),
        body: html`<p class="ell-lead">${t(`staff.decision.done.${kind}`)}</p>
          ${back}`,
      })
    case 'awaiting_second':
      return renderStaffPage(res, agent, {
        name: 'staff-decision-awaiting',
        title: t('staff.decision.awaiting_title'),
        body: html`<p class="ell-lead">
            ${
              dueAt
                ? t('staff.decision.awaiting_until', { when: describeTime(language, dueAt) })
                : t('staff.decision.awaiting')
            }
          </p>
          ${back}`,
      })
    case 'rejected':
      return renderStaffPage(res, agent, {
        name: 'staff-decision-rejected',
        title: t('staff.decision.rejected_title'),
        body: html`<p class="ell-lead">${t(refusalKey(outcome), { code: outcome ?? '' })}</p>
          <p>${t('staff.decision.kept')}</p>
          ${back}`,
      })
  }
}
