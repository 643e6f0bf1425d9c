/** The frame of the agents' pages: the look of the others, under the name of the Service Relation Client. */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Translate } from '../../core/text.ts'
import { renderPage, type Html, type Page } from '../screens/layout.ts'
import { contextOf } from '../web/context.ts'
import type { Shown } from './session.ts'

/** @param page `more`: cards below the first one; `query`: what the language switch keeps of the URL */
export async function renderStaffPage(
  res: Response,
  agent: Shown | undefined,
  { more, query, ...page }: Page & { more?: Html; query?: Record<string, string> },
): Promise<void> {
  const { t, csrf } = contextOf(res)
  const who =
    agent &&
    html`<form class="ell-staff__who" method="post" action="/staff/sign-out">
      <input type="hidden" name="csrf" value="${csrf}" />
      <bdi class="ell-staff__name">${agent.name}</bdi>
      <button class="ell-staff__leave" type="submit">${t('staff.sign_out')}</button>
    </form>`
  const area = html`<span class="ell-staff__area">${t('desk.name')}</span>`
  const home = agent && (agent.isAgent ? '/staff' : '/staff/migration')
  await renderPage(res, {
    ...page,
    frame: {
      header: html`${home ? html`<a class="ell-staff__home" href="${home}">${area}</a>` : area}
      ${agent?.isAgent && agent.isLead && places(t, page.name ?? '')} ${who}`,
      styles: 'agents.css',
      ...(more !== undefined && { more }),
      ...(query && { query }),
    },
  })
}

/** For whoever has both roles. */
const places = (t: Translate, page: string): Html =>
  html`<ul class="ell-staff__places" role="list" aria-label="${t('staff.places')}">
    <li><a href="/staff" ${page === 'staff-list' && 'aria-current=page'}>${t('staff.place.cases')}</a></li>
    <li>
      <a href="/staff/migration" ${page === 'staff-migration' && 'aria-current=page'}
        >${t('staff.place.migration')}</a
      >
    </li>
  </ul>`

export const tag = (kind: 'info' | 'success' | 'warning' | 'error', text: string): Html =>
  html`<span class="ell-tag ${kind !== 'info' && `ell-tag--${kind}`}">${text}</span>`

/** Only what a browser may open as a page: an address that the help desk gave is not ours. */
export function webLink(url: string | null | undefined): string | undefined {
  if (!url || !URL.canParse(url)) return undefined
  const { protocol, href } = new URL(url)
  return protocol === 'https:' || protocol === 'http:' ? href : undefined
}

/** `undefined`: nothing to say, and no line for it. */
type Fact = [name: string, value: Html | string | undefined]

export function factList(facts: Fact[]): Html {
  return html`<dl class="ell-staff__facts">
    ${facts
      .filter(([, value]) => value !== undefined)
      .map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${typeof value === 'string' ? html`<bdi>${value}</bdi>` : value}</dd>
          </div>`,
      )}
  </dl>`
}
