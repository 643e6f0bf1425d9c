/**
 * The page of a case: what it is about, then one card for each request with its forms, what was decided, the ticket and
 * the history. Everything that somebody typed stands in `bdi`, so that a name cannot turn the words around it.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Flash, Message } from '../../screens/flash.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { hasOpenRequests, isOwn, type FormRefusal, type TypedDecision } from '../decision-form.ts'
import { factList, renderStaffPage, tag, webLink } from '../layout.ts'
import type { Agent } from '../session.ts'
import type { StaffCase, StaffRequest } from '../store.ts'
import { describeTime, time } from '../wording.ts'
import { closingForm, decisionList, lost } from './forms.ts'
import { historyCard } from './history.ts'
import { requestCard } from './request.ts'

export type CasePage = {
  view: StaffCase
  agent: Agent
  now: number
  status?: number
  /** Why what was sent is no decision, in a notice above everything. */
  problem?: FormRefusal
  /** What was typed, in the form that it was typed in. */
  typed?: TypedDecision
  /** By field of that form. */
  errors?: Record<string, Message>
  flash?: Flash
}

export async function renderCase(res: Response, page: CasePage): Promise<void> {
  const { t } = contextOf(res)
  const { view, agent, problem, typed, errors, flash } = page
  const isRefused = errors && Object.keys(errors).length > 0
  const notice = problem
    ? { kind: 'error' as const, text: t(`staff.refusal.${problem}`) }
    : typed && !isRefused && !flash?.notice
      ? { kind: 'info' as const, text: t('staff.case.kept') }
      : undefined
  await renderStaffPage(res, agent, {
    name: 'staff-case',
    title: t('staff.case.title', { reference: view.reference }),
    ...(page.status !== undefined && { status: page.status }),
    notice,
    // The title says so when something was refused.
    flash: isRefused ? { errors: {} } : (flash ?? {}),
    body: html`<p class="ell-staff__back"><a class="ell-link" href="/staff">${t('staff.to_list')}</a></p>
      ${stateLine(res, view)} ${caseFacts(res, view)}`,
    more: html`${requestCards(res, page)} ${closingCard(res, page)} ${historyCard(res, view)}`,
  })
}

function stateLine(res: Response, view: StaffCase): Html {
  const { t, language } = contextOf(res)
  const waiting = view.requests.filter(({ state }) => state === 'proved').length
  return html`<p class="ell-lead">
    <bdi>${view.company}</bdi>
    ${tag(view.state === 'open' ? 'success' : 'info', t(`staff.case.state.${view.state}`))}
    ${waiting > 0 && tag('warning', t('staff.list.to_decide', { count: waiting }))}
    ${view.ticket?.waitingSince && tag('warning', t('staff.ticket.waiting'))}
    ${
      view.closedAt &&
      html`<span class="ell-staff__soft"
        >${t('staff.case.closed_at', { when: describeTime(language, view.closedAt) })}</span
      >`
    }
  </p>`
}

const soft = (text: string): Html => html`<span class="ell-staff__soft">${text}</span>`

function caseFacts(res: Response, view: StaffCase): Html {
  const { t } = contextOf(res)
  return html`${factList([
    [t('facts.login'), view.login],
    [t('staff.case.contract'), view.contract],
    [t('staff.case.contact'), contact(res, view)],
    [
      t('staff.case.domains'),
      view.knownDomains.length > 0 ? view.knownDomains.join(', ') : soft(t('staff.case.no_domains')),
    ],
    [t('staff.case.holder'), holder(res, view)],
    [t('staff.case.sources'), sources(res, view)],
    [t('staff.case.under_way'), underWay(res, view)],
    [t('staff.case.ticket'), ticket(res, view)],
  ])}
  ${accounts(res, view)}`
}

/** The one number to call: the requester's own is not to be believed. */
function contact(res: Response, { contactName, contactPhone }: StaffCase): Html {
  const { t } = contextOf(res)
  if (!contactPhone)
    return html`${contactName && html`<bdi>${contactName}</bdi>`} ${soft(t('staff.case.no_phone'))}`
  return html`<strong
      ><a href="tel:${contactPhone.replace(/[^0-9+]/g, '')}"><bdi>${contactPhone}</bdi></a></strong
    >
    ${contactName && html`<bdi>${contactName}</bdi>`}`
}

function holder(res: Response, { holder: found }: StaffCase): Html {
  const { t, language } = contextOf(res)
  if (!found) return soft(t('staff.case.no_holder'))
  const states = ['confirmed', 'opened', 'closed', 'requested', 'mailed']
  const state = states.includes(found.state) ? t(`staff.case.holder_state.${found.state}`) : found.state
  return html`<bdi>${found.address}</bdi> ${tag(found.state === 'opened' ? 'success' : 'info', state)}
    ${found.openedAt && html`<span class="ell-staff__soft">${time(language, found.openedAt)}</span>`}`
}

function sources(res: Response, view: StaffCase): Html {
  const { t, language } = contextOf(res)
  const known = ['legacy_flag', 'said_shared', 'second_activation', 'console', 'import']
  return html`<ul class="ell-staff__plain" role="list">
    ${view.sources.map(
      ({ source, at, removedAt }) =>
        html`<li>
          ${known.includes(source) ? t(`staff.source.${source}`) : source}
          <span class="ell-staff__soft"
            >${time(language, at)}${
              removedAt && t('staff.source_removed', { when: describeTime(language, removedAt) })
            }</span
          >
        </li>`,
    )}
  </ul>`
}

function underWay(res: Response, { pending, unproved, overflowedAt }: StaffCase): Html | undefined {
  const { t, language } = contextOf(res)
  const lines = [
    ...(pending > 0 ? [t('staff.case.pending', { count: pending })] : []),
    ...(unproved > 0 ? [t('staff.case.unproved', { count: unproved })] : []),
    ...(overflowedAt ? [t('staff.case.overflow', { when: describeTime(language, overflowedAt) })] : []),
  ]
  if (lines.length === 0) return undefined
  return html`<ul class="ell-staff__plain" role="list">
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`
}

function ticket(res: Response, { ticket: found, reference }: StaffCase): Html {
  const { t, language } = contextOf(res)
  if (!found) return soft(t('staff.ticket.none'))
  const url = webLink(found.url)
  const name = t('staff.ticket.number', { number: found.externalId ?? reference })
  return html`${url ? html`<a href="${url}">${name}</a>` : name}
  ${tag(['new', 'open'].includes(found.status) ? 'success' : 'info', t(`staff.ticket.status.${found.status}`))}
  ${found.owner && html`<span class="ell-staff__soft">${t('staff.ticket.owner')} <bdi>${found.owner}</bdi></span>`}
  ${found.deletedAt && tag('warning', t('staff.ticket.deleted'))}
  ${
    found.waitingSince &&
    html`${tag('warning', t('staff.ticket.waiting'))}
      <span class="ell-staff__soft"
        >${t('staff.ticket.waiting_since', { when: describeTime(language, found.waitingSince) })}</span
      >`
  }`
}

/** Who else has an access on the contract: a colleague's address is what a new one is compared with. */
function accounts(res: Response, view: StaffCase): Html {
  const { t, language } = contextOf(res)
  const kinds = ['legacy', 'granted', 'added']
  return html`<h2 class="ell-subtitle">${t('staff.accounts.heading')}</h2>
    ${
      view.accounts.length === 0
        ? html`<p>${t('staff.accounts.none')}</p>`
        : html`<ul class="ell-list ell-staff__accounts">
            ${view.accounts.map(
              ({ address, login, kind, openedAt }) =>
                html`<li>
                  <bdi>${address}</bdi>
                  <span class="ell-staff__soft"
                    >${kinds.includes(kind) ? t(`staff.accounts.kind.${kind}`) : kind}
                    ${login !== view.login && html`${t('staff.list.login')} <bdi>${login}</bdi>`}
                    ${openedAt && time(language, openedAt)}</span
                  >
                </li>`,
            )}
          </ul>`
    }`
}

const order: Record<StaffRequest['state'], number> = {
  proved: 0,
  granting: 1,
  opened: 2,
  refused: 2,
  expired: 2,
  withdrawn: 2,
}

function requestCards(res: Response, page: CasePage): Html {
  const { t } = contextOf(res)
  const sorted = page.view.requests.toSorted(
    (a, b) => order[a.state] - order[b.state] || a.createdAt.localeCompare(b.createdAt),
  )
  if (sorted.length === 0)
    return html`<section class="ell-card">
      <h2 class="ell-subtitle">${t('staff.case.requests')}</h2>
      <p>${t('staff.case.no_requests')}</p>
    </section>`
  const ended = sorted.filter(({ state }) => order[state] === 2)
  const live = sorted.filter(({ state }) => order[state] < 2)
  return html`${live.map((request) => html`<section class="ell-card">${requestCard(res, page, request, 2)}</section>`)}
  ${
    ended.length > 0 &&
    html`<section class="ell-card">
      <h2 class="ell-subtitle">${t('staff.case.ended', { count: ended.length })}</h2>
      ${ended.map((request) => html`<div class="ell-staff__ended">${requestCard(res, page, request, 3)}</div>`)}
    </section>`
  }`
}

function closingCard(res: Response, page: CasePage): Html {
  const { t } = contextOf(res)
  const { view } = page
  const decided = view.decisions.filter(({ requestId }) => requestId === null)
  if (view.state !== 'open' && decided.length === 0) return html``
  return html`<section class="ell-card">
    <h2 class="ell-subtitle">${t('staff.close.heading')}</h2>
    ${decisionList(res, decided)} ${view.state === 'open' && closing(res, page)}
  </section>`
}

function closing(res: Response, page: CasePage): Html {
  const { t } = contextOf(res)
  if (isOwn(page.view)) return html`<p>${t('staff.request.own_login')}</p>`
  if (!hasOpenRequests(page.view)) return closingForm(res, page)
  const typed = page.typed?.kind === 'not_shared' ? page.typed.reason : ''
  return html`<p>${t('staff.close.requests_open')}</p>
    ${typed !== '' && lost(res, 'case', typed)}`
}
