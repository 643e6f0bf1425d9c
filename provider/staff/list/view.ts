/** The list of cases: a table that becomes one card a case where the screen is narrow. */
import type { Response } from 'express'
import { html } from 'hono/html'
import type { Language, Translate } from '../../../core/text.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { renderStaffPage, tag, webLink } from '../layout.ts'
import type { Agent } from '../session.ts'
import { caseFilters, type CaseFilter, type CaseLine } from '../store.ts'
import { describeAge, describeTime } from '../wording.ts'

/** Cases of one page. */
export const pageSize = 50

type ListPage = {
  lines: CaseLine[]
  total: number
  filter: CaseFilter
  search: string
  /** From 1. */
  page: number
  now: number
}

type Place = { filter: CaseFilter; search: string; page?: number }

const queryOf = ({ filter, search, page = 1 }: Place): Record<string, string> => ({
  ...(filter !== 'deciding' && { filter }),
  ...(search !== '' && { q: search }),
  ...(page > 1 && { page: String(page) }),
})

const listUrl = (place: Place): string => {
  const query = new URLSearchParams(queryOf(place)).toString()
  return query === '' ? '/staff' : `/staff?${query}`
}

export async function renderList(res: Response, agent: Agent, list: ListPage): Promise<void> {
  const { t } = contextOf(res)
  await renderStaffPage(res, agent, {
    name: 'staff-list',
    query: queryOf(list),
    title: t('staff.list.title'),
    body: html`<div class="ell-staff__tools">${filters(t, list)} ${searchForm(t, list)}</div>
      ${list.lines.length === 0 ? empty(t, list) : table(res, list)}`,
  })
}

function filters(t: Translate, { filter, search }: ListPage): Html {
  return html`<nav aria-labelledby="filters">
    <h2 class="ell-visually-hidden" id="filters">${t('staff.list.filters')}</h2>
    <ul class="ell-staff__filters" role="list">
      ${caseFilters.map(
        (one) =>
          html`<li>
            <a href="${listUrl({ filter: one, search })}" ${one === filter && 'aria-current=page'}
              >${t(`staff.list.filter.${one}`)}</a
            >
          </li>`,
      )}
    </ul>
  </nav>`
}

function searchForm(t: Translate, list: ListPage): Html {
  return html`<form class="ell-staff__search" role="search" method="get" action="/staff">
    ${list.filter !== 'deciding' && html`<input type="hidden" name="filter" value="${list.filter}" />`}
    <label class="ell-label" for="q">${t('staff.list.search')}</label>
    <div class="ell-staff__search-line">
      <input
        class="ell-input"
        id="q"
        name="q"
        type="search"
        value="${list.search}"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        aria-describedby="q-hint"
      />
      <button class="ell-button ell-button--secondary" type="submit">${t('staff.list.search_button')}</button>
    </div>
    <p class="ell-hint" id="q-hint">${t('staff.list.search_hint')}</p>
  </form>`
}

function empty(t: Translate, { filter, search, page }: ListPage): Html {
  if (page > 1)
    return html`<p class="ell-lead">${t('staff.list.beyond')}</p>
      <p><a class="ell-link" href="${listUrl({ filter, search })}">${t('staff.list.first_page')}</a></p>`
  if (search !== '')
    return html`<p class="ell-lead">${t('staff.list.nothing_found', { search })}</p>
      <p>
        ${
          filter === 'all'
            ? html`<a class="ell-link" href="/staff">${t('staff.list.without_search')}</a>`
            : html`<a class="ell-link" href="${listUrl({ filter: 'all', search })}"
                >${t('staff.list.search_all')}</a
              >`
        }
      </p>`
  return html`<p class="ell-lead">${t(`staff.list.empty.${filter}`)}</p>`
}

function table(res: Response, list: ListPage): Html {
  const { t, language } = contextOf(res)
  const { lines, total, page, filter, search, now } = list
  const from = (page - 1) * pageSize + 1
  const columns = ['case', 'company', 'requests', 'since', 'ticket'] as const
  return html`<p class="ell-hint" id="count">
      ${t('staff.list.count', { from, to: from + lines.length - 1, total })}
    </p>
    <table class="ell-table ell-staff__table" role="table" aria-describedby="count">
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map((one) => html`<th role="columnheader" scope="col">${t(`staff.list.column.${one}`)}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${lines.map((line) => row(t, language, line, now))}
      </tbody>
    </table>
    ${pages(t, { filter, search }, page, Math.ceil(total / pageSize))}`
}

function row(t: Translate, language: Language, line: CaseLine, now: number): Html {
  const label = (column: string) =>
    html`<span class="ell-staff__label" aria-hidden="true">${t(`staff.list.column.${column}`)}</span>`
  const since = line.oldestRequest ?? line.createdAt
  return html`<tr role="row">
    <th role="rowheader" scope="row">
      <a class="ell-link" href="/staff/cases/${line.id}">${line.reference}</a>
      ${line.state === 'closed' && tag('info', t('staff.case.state.closed'))}
    </th>
    <td role="cell">
      ${label('company')}
      <div>
        <bdi class="ell-staff__strong">${line.company}</bdi>
        <span class="ell-staff__soft"
          >${t('staff.list.login')} <bdi>${line.login}</bdi> · ${t('staff.list.contract')}
          <bdi>${line.contract}</bdi></span
        >
      </div>
    </td>
    <td role="cell">
      ${label('requests')}
      <div>
        ${
          line.openRequests > 0
            ? tag('warning', t('staff.list.to_decide', { count: line.openRequests }))
            : html`<span class="ell-staff__soft">${t('staff.list.nothing_to_decide')}</span>`
        }
      </div>
    </td>
    <td role="cell">
      ${label('since')}
      <div>
        <time datetime="${since.toISOString()}" title="${describeTime(language, since)}"
          >${describeAge(language, since, now)}</time
        >
      </div>
    </td>
    <td role="cell">
      ${label('ticket')}
      <div>${ticket(t, line)}</div>
    </td>
  </tr>`
}

function ticket(t: Translate, { ticket: found, reference }: CaseLine): Html {
  if (!found) return html`<span class="ell-staff__soft">${t('staff.ticket.none')}</span>`
  const url = webLink(found.url)
  const status = t(`staff.ticket.status.${found.status}`)
  return html`${
    url
      ? html`<a class="ell-link" href="${url}"
          >${status}<span class="ell-visually-hidden">, ${t('staff.ticket.of', { reference })}</span></a
        >`
      : status
  }
  ${found.owner && html`<span class="ell-staff__soft"><bdi>${found.owner}</bdi></span>`}
  ${found.isWaiting && tag('warning', t('staff.ticket.waiting'))}`
}

function pages(
  t: Translate,
  where: { filter: CaseFilter; search: string },
  page: number,
  last: number,
): Html | undefined {
  if (last <= 1) return undefined
  const link = (to: number, label: string) =>
    html`<a class="ell-button ell-button--secondary" href="${listUrl({ ...where, page: to })}">${label}</a>`
  return html`<div class="ell-actions ell-staff__pages">
    ${page > 1 && link(page - 1, t('staff.list.previous'))}
    <span>${t('staff.list.page', { page, last })}</span>
    ${page < last && link(page + 1, t('staff.list.next'))}
  </div>`
}
