/**
 * The history of a case, in order. Kinds of events that have no words yet are shown by their name and their values; what
 * somebody typed, such as a reply from the help desk, stands below as it was typed.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Translate } from '../../../core/text.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
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
]
/** Actors that are no names. */
const actors = ['person', 'holder', 'admin-sync', 'console', 'help-desk']
const sources = ['legacy_flag', 'said_shared', 'second_activation', 'console', 'import']
/** Values that are somebody's words. */
const words = ['text', 'reply', 'reason', 'called', 'comment', 'note']

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
            return typeof value === 'string' && value !== ''
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

function describe(t: Translate, { kind, detail }: CaseEvent): Html | string {
  const { source, knows } = detail
  if (kind === 'holder_answered')
    return t(knows === true ? 'staff.event.holder_knows' : 'staff.event.holder_knows_not')
  if (!kinds.includes(kind)) return unknown(kind, detail)
  const from = typeof source === 'string' && (sources.includes(source) ? t(`staff.source.${source}`) : source)
  return html`${t(`staff.event.${kind}`)} ${from && html`<span class="ell-staff__soft">${from}</span>`}`
}

function unknown(kind: string, detail: Record<string, unknown>): Html {
  const values = Object.entries(detail)
    .filter(([key, value]) => !words.includes(key) && ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => `${key}: ${String(value)}`)
  return html`<code class="ell-code">${kind}</code> <bdi>${values.join(', ')}</bdi>`
}
