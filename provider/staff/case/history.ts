/**
 * The history of a case, in order. Kinds of events that have no words yet are shown by their name and their values; what
 * somebody typed, such as a reply from the help desk, stands below as it was typed.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Translate } from '../../../core/text.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { refusalKey } from '../decision-page.ts'
import type { CaseEvent, StaffCase } from '../store.ts'
import { time } from '../wording.ts'

const kinds = [
  'opened',
  'reopened',
  'source',
  'overflow',
  'asked',
  'proved',
  'named',
  'withdrawn',
  'holder_answered',
  'expired',
  'access_opened',
  'access_failed',
  'granted',
  'refused',
  'handed_over',
  'holder_left_said',
  'decision_rejected',
  'closed',
  'noted',
  'contract_added',
  'request_erased',
  'source_removed',
  'ticket_created',
  'ticket_renewed',
  'ticket_reopened',
  'ticket_status',
  'ticket_owner',
  'ticket_reply',
  'ticket_merged',
  'ticket_deleted',
]
/** Actors that are no names. */
const actors = ['person', 'holder', 'admin-sync', 'console', 'help-desk']
const sources = ['legacy_flag', 'said_shared', 'second_activation', 'console', 'import']
const statuses = ['new', 'open', 'waiting', 'resolved', 'rejected', 'closed']
/** Values that are somebody's words, but for the reasons of admin-sync and of the console, which are codes. */
const words = ['text', 'reason', 'called', 'note']
const isCode = (event: CaseEvent, key: string) =>
  key === 'reason' && ['admin-sync', 'console'].includes(event.actor)

export function historyCard(res: Response, view: StaffCase): Html {
  const { t, language } = contextOf(res)
  const names = new Map(view.requests.map(({ id, name, address }) => [id, name ?? address]))
  return html`<section class="ell-card">
    <h2 class="ell-subtitle">${t('staff.history.heading')}</h2>
    <ol class="ell-staff__history" role="list">
      ${view.events.map((event) => {
        const name = event.requestId === null ? undefined : names.get(event.requestId)
        return html`<li>
          <p class="ell-staff__soft">
            ${time(language, event.at)}, <bdi>${describeActor(t, event.actor)}</bdi>
          </p>
          <p>${describe(t, event)} ${name !== undefined && html`<bdi>${name}</bdi>`}</p>
          ${words.map((key) => {
            const value = event.detail[key]
            return typeof value === 'string' && value !== '' && !isCode(event, key)
              ? html`<blockquote class="ell-staff__typed">${value}</blockquote>`
              : undefined
          })}
        </li>`
      })}
    </ol>
  </section>`
}

const describeActor = (t: Translate, actor: string): string =>
  actors.includes(actor) ? t(`staff.actor.${actor.replace('-', '_')}`) : actor

function describe(t: Translate, event: CaseEvent): Html | string {
  const { kind, detail } = event
  if (kind === 'holder_answered')
    return t(detail['knows'] === true ? 'staff.event.holder_knows' : 'staff.event.holder_knows_not')
  if (!kinds.includes(kind)) return unknown(kind, detail)
  const more = valueOf(t, event)
  return html`${t(`staff.event.${kind}`)}
  ${more !== undefined && html`<bdi class="ell-staff__soft">${more}</bdi>`}`
}

/** The one value that belongs to what happened: where from, which status, whose, which ticket, which code. */
function valueOf(t: Translate, event: CaseEvent): string | undefined {
  const { source, status, rawStatus, owner, ticket, code, reason } = event.detail
  if (typeof source === 'string') return sources.includes(source) ? t(`staff.source.${source}`) : source
  if (typeof status === 'string') {
    const known = statuses.includes(status) ? t(`staff.ticket.status.${status}`) : status
    return typeof rawStatus === 'string' && rawStatus !== status ? `${known} (${rawStatus})` : known
  }
  if (typeof owner === 'string') return owner
  if (event.kind === 'ticket_owner') return t('staff.event.nobody')
  if (typeof ticket === 'string') return ticket
  if (typeof code === 'string') return t(refusalKey(code), { code })
  return typeof reason === 'string' && isCode(event, 'reason') ? `(${reason})` : undefined
}

function unknown(kind: string, detail: Record<string, unknown>): Html {
  const values = Object.entries(detail)
    .filter(([key, value]) => !words.includes(key) && ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => `${key}: ${String(value)}`)
  return html`<code class="ell-code">${kind}</code> <bdi>${values.join(', ')}</bdi>`
}
