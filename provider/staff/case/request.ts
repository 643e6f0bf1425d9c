/** One request of a case: who asks, from where, what should be looked at, and what can be decided. */
import { domainToASCII } from 'node:url'
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { isKnownDomain } from '../decision-form.ts'
import { factList, tag } from '../layout.ts'
import type { StaffRequest } from '../store.ts'
import { describeTime, time } from '../wording.ts'
import { decisionList, requestForms } from './forms.ts'
import type { CasePage } from './view.ts'

const stateTags = {
  proved: 'warning',
  granting: 'info',
  opened: 'success',
  refused: 'error',
  expired: 'info',
  withdrawn: 'info',
} as const

/** Codes of admin-sync/cases/signals.ts that have words; another is shown as it is. */
const signals = [
  'lookalike_domain',
  'mixed_scripts',
  'free_mail',
  'foreign_domain',
  'no_known_domains',
  'international_domain',
  'holder_does_not_know',
  'refused_before',
  'other_logins',
  'same_network',
  'many_requests',
  'asked_at_night',
  'name_unknown',
  'phone_unverified',
]

/** @param level of its heading */
export function requestCard(res: Response, page: CasePage, request: StaffRequest, level: 2 | 3): Html {
  const { t, language } = contextOf(res)
  const title = html`<bdi>${request.name ?? t('staff.request.no_name')}</bdi> ${tag(
      stateTags[request.state],
      t(`staff.request.state.${request.state}`),
    )}`
  const decided = page.view.decisions.filter(({ requestId }) => requestId === request.id)
  return html`${
    level === 2 ? html`<h2 class="ell-subtitle">${title}</h2>` : html`<h3 class="ell-subtitle">${title}</h3>`
  }
  ${factList([
    [t('facts.address'), address(res, page, request)],
    [t('staff.request.phone'), phone(res, request)],
    [t('staff.request.network'), request.network ?? undefined],
    [t('staff.request.asked'), time(language, request.createdAt)],
    [t('staff.request.proved'), request.provedAt ? time(language, request.provedAt) : undefined],
    [t('staff.request.holder'), holderSays(res, request)],
    [t('staff.request.origin'), request.fromActivation ? t('staff.request.from_activation') : undefined],
    [t('staff.request.ended'), request.endedAt ? time(language, request.endedAt) : undefined],
    [t('staff.request.reason'), request.reason ?? undefined],
    [
      t('staff.request.granted'),
      request.state === 'granting' && request.grantedUntil
        ? t('staff.request.granted_until', { when: describeTime(language, request.grantedUntil) })
        : undefined,
    ],
  ])}
  ${request.state === 'proved' && signalList(res, request)} ${decisionList(res, decided)}
  ${requestForms(res, page, request)}`
}

function address(res: Response, { view }: CasePage, request: StaffRequest): Html {
  const { t } = contextOf(res)
  const domain = request.address.slice(request.address.lastIndexOf('@') + 1)
  const ascii = domainToASCII(domain)
  // Letters that look like others show themselves in this form.
  const isOther = ascii !== '' && ascii !== domain.toLowerCase()
  return html`<bdi>${request.address}</bdi> ${
      isKnownDomain(view, request.address)
        ? tag('success', t('staff.request.known_domain'))
        : tag('warning', t('staff.request.unknown_domain'))
    }
    ${isOther && html`<code class="ell-code">${ascii}</code>`}`
}

function phone(res: Response, { phone: given }: StaffRequest): Html {
  const { t } = contextOf(res)
  if (!given) return html`<span class="ell-staff__soft">${t('staff.request.no_phone')}</span>`
  return html`<bdi>${given}</bdi> ${tag('warning', t('staff.request.not_verified'))}`
}

function holderSays(res: Response, { holderAskedAt, holderKnows, holderAnsweredAt }: StaffRequest): Html {
  const { t, language } = contextOf(res)
  if (holderKnows !== null)
    return html`${tag(
      holderKnows ? 'success' : 'error',
      t(holderKnows ? 'staff.request.holder_knows' : 'staff.request.holder_knows_not'),
    )}
    ${holderAnsweredAt && html`<span class="ell-staff__soft">${time(language, holderAnsweredAt)}</span>`}`
  return html`<span class="ell-staff__soft"
    >${
      holderAskedAt
        ? t('staff.request.holder_silent', { when: describeTime(language, holderAskedAt) })
        : t('staff.request.holder_not_asked')
    }</span
  >`
}

function signalList(res: Response, request: StaffRequest): Html | undefined {
  const { t } = contextOf(res)
  const { codes } = request.signals
  const found = Array.isArray(codes) ? codes.filter((code): code is string => typeof code === 'string') : []
  if (found.length === 0) return undefined
  const { resembles } = request.signals
  const like = typeof resembles === 'string' ? resembles : undefined
  return html`<div class="ell-staff__signals">
    <p><strong>${t('staff.signals')}</strong></p>
    <ul class="ell-list">
      ${found.map(
        (code) =>
          html`<li>
            ${signals.includes(code) ? t(`staff.signal.${code}`) : code}
            ${code === 'lookalike_domain' && like && html`<bdi>${like}</bdi>`}
          </li>`,
      )}
    </ul>
  </div>`
}
