/** The pages of the portal about companies: portfolio, one company, and the alerts of both. Links and forms only. */
import { html } from 'hono/html'
import type { Html } from '../relying-party/pages.ts'
import { contractPage, formats, pathOf, showNumber, textsOf, type Frame } from './pages.ts'
import { pageSize, sortings, type Alert, type Company, type Sorting } from './shelf.ts'
import type { PortalTexts } from './texts.ts'

export type Search = { words: string; sorting: Sorting; descending: boolean; page: number }

const headOf = (texts: PortalTexts): Record<Sorting, string> => ({
  name: texts.name,
  number: texts.companyNumber,
  country: texts.country,
  reference: texts.reference,
  added: texts.added,
  alerts: texts.alerts,
})

export function renderPortfolio(
  frame: Frame,
  search: Search,
  { companies, found }: { companies: readonly Company[]; found: number },
): Promise<string> {
  const { contract, view } = frame
  const texts = textsOf(view)
  const { number, day, country, isMany } = formats(view.texts.language)
  const link = (change: Partial<Search>) => {
    const { words, sorting, descending, page } = { ...search, ...change }
    return pathOf(contract.contract, 'portfolio', {
      q: words,
      sort: `${descending ? '-' : ''}${sorting}`,
      page: page === 1 ? '' : String(page),
    })
  }
  const all = number(contract.companies)
  return contractPage(
    frame,
    html`<form
        class="ell-search"
        method="get"
        action="${pathOf(contract.contract, 'portfolio')}"
        role="search"
      >
        <div class="ell-field">
          <label class="ell-label" for="q">${texts.searchLabel}</label>
          <input
            class="ell-input"
            id="q"
            name="q"
            type="search"
            value="${search.words}"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
          />
        </div>
        <button class="ell-button">${texts.search}</button>
        ${
          search.words === ''
            ? ''
            : html`<a class="ell-button ell-button--quiet" href="${link({ words: '', page: 1 })}"
                >${texts.all}</a
              >`
        }
      </form>
      <p class="ell-between">
        <span id="found" role="status"
          >${search.words === '' ? texts.companies(all, isMany(contract.companies)) : texts.found(number(found), all, isMany(view.texts.language === 'fr' ? found : contract.companies))}</span
        >
        <a class="ell-link" href="${pathOf(contract.contract, 'portfolio.csv')}" download
          >${texts.download}</a
        >
      </p>
      ${
        companies.length === 0
          ? html`<p>${texts.nothingFound}</p>`
          : html`<div
                class="ell-table-frame"
                role="region"
                tabindex="0"
                aria-label="${texts.sections.portfolio}"
              >
                <table class="ell-table ell-table--cards" id="portfolio" role="table">
                  <thead role="rowgroup">
                    <tr role="row">
                      ${sortings.map((sorting) => {
                        const current = sorting === search.sorting
                        const descending = current && !search.descending
                        const direction = search.descending ? 'descending' : 'ascending'
                        const mark = search.descending ? '▼' : '▲'
                        return html`<th
                          scope="col"
                          role="columnheader"
                          ${current ? html`aria-sort="${direction}"` : ''}
                        >
                          <a class="ell-link" href="${link({ sorting, descending, page: 1 })}"
                            >${headOf(texts)[sorting]}${
                              current ? html`<span aria-hidden="true"> ${mark}</span>` : ''
                            }</a
                          >
                        </th>`
                      })}
                    </tr>
                  </thead>
                  <tbody role="rowgroup">
                    ${companies.map(
                      (company) =>
                        html`<tr role="row">
                          <th scope="row" role="rowheader">
                            <a class="ell-link" href="${companyPath(contract.contract, company)}"
                              >${company.name}</a
                            >
                          </th>
                          <td role="cell" data-label="${texts.companyNumber}" class="ell-table__whole">
                            ${showNumber(company.country, company.number)}
                          </td>
                          <td role="cell" data-label="${texts.country}">${country(company.country)}</td>
                          <td
                            role="cell"
                            ${company.reference === null ? '' : html`data-label="${texts.reference}"`}
                          >
                            ${company.reference ?? ''}
                          </td>
                          <td role="cell" data-label="${texts.added}" class="ell-table__whole">
                            ${day(company.addedOn)}
                          </td>
                          <td role="cell" data-label="${texts.alerts}">${number(company.alerts)}</td>
                        </tr>`,
                    )}
                  </tbody>
                </table>
              </div>
              ${paging(texts, number, search.page, found, (page) => link({ page }))}`
      }`,
  )
}

const companyPath = (contract: string, { country, number }: { country: string; number: string }) =>
  pathOf(contract, `companies/${country}/${encodeURIComponent(number)}`)

function paging(
  texts: PortalTexts,
  show: (value: number) => string,
  page: number,
  found: number,
  link: (page: number) => string,
): Html | '' {
  const last = Math.ceil(found / pageSize)
  if (last <= 1) return ''
  return html`<nav class="ell-paging" aria-label="${texts.pages}">
    ${page > 1 ? html`<a class="ell-link" rel="prev" href="${link(page - 1)}">${texts.previous}</a>` : ''}
    <span>${texts.page(show(page), show(last))}</span>
    ${page < last ? html`<a class="ell-link" rel="next" href="${link(page + 1)}">${texts.next}</a>` : ''}
  </nav>`
}

export function renderCompany(frame: Frame, company: Company, alerts: readonly Alert[]): Promise<string> {
  const { view } = frame
  const texts = textsOf(view)
  const { day, country } = formats(view.texts.language)
  return contractPage(
    frame,
    html`<dl class="ell-facts">
        <div>
          <dt>${texts.companyNumber}</dt>
          <dd data-fact="number">${showNumber(company.country, company.number)}</dd>
        </div>
        <div>
          <dt>${texts.country}</dt>
          <dd>${country(company.country)}</dd>
        </div>
        ${
          company.reference === null
            ? ''
            : html`<div>
                <dt>${texts.reference}</dt>
                <dd>${company.reference}</dd>
              </div>`
        }
        <div>
          <dt>${texts.added}</dt>
          <dd>${day(company.addedOn)}</dd>
        </div>
      </dl>
      <h2 class="ell-subtitle">${texts.alerts}</h2>
      ${alertTable(frame, alerts, { withCompany: false })}`,
    company.name,
  )
}

export function renderMonitoring(
  frame: Frame,
  page: number,
  { alerts, found }: { alerts: readonly Alert[]; found: number },
): Promise<string> {
  const texts = textsOf(frame.view)
  const { number } = formats(frame.view.texts.language)
  const link = (to: number) =>
    pathOf(frame.contract.contract, 'monitoring', { page: to === 1 ? '' : String(to) })
  return contractPage(
    frame,
    html`${alertTable(frame, alerts, { withCompany: true })} ${paging(texts, number, page, found, link)}`,
  )
}

function alertTable({ contract, view }: Frame, alerts: readonly Alert[], o: { withCompany: boolean }): Html {
  const texts = textsOf(view)
  const { day } = formats(view.texts.language)
  if (alerts.length === 0) return html`<p>${texts.noAlerts}</p>`
  return html`${
      contract.isFinal ? '' : html`<div class="ell-notice" id="not-yet"><p>${texts.notYet}</p></div>`
    }
    <div class="ell-table-frame" role="region" tabindex="0" aria-label="${texts.alerts}">
      <table class="ell-table ell-table--cards" id="alerts" role="table">
        <thead class="ell-table__words" role="rowgroup">
          <tr role="row">
            ${o.withCompany ? html`<th scope="col" role="columnheader">${texts.company}</th>` : ''}
            <th scope="col" role="columnheader">${texts.alertKind}</th>
            <th scope="col" role="columnheader">${texts.recipient}</th>
            <th scope="col" role="columnheader">${texts.since}</th>
            <th scope="col" role="columnheader">${texts.state}</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${alerts.map((alert) => {
            const kind = texts.kinds[alert.kind] ?? alert.kind
            const name = alert.name ?? showNumber(alert.country, alert.number)
            return html`<tr role="row">
              ${
                o.withCompany
                  ? html`<td role="cell" data-label="${texts.company}">
                      ${
                        alert.name === null
                          ? name
                          : html`<a class="ell-link" href="${companyPath(contract.contract, alert)}"
                              >${name}</a
                            >`
                      }
                    </td>`
                  : ''
              }
              <td role="cell" data-label="${texts.alertKind}">${kind}</td>
              <td role="cell" data-label="${texts.recipient}">${alert.recipient}</td>
              <td role="cell" data-label="${texts.since}" class="ell-table__whole">${day(alert.since)}</td>
              <td role="cell" data-label="${texts.state}">
                <span class="ell-tag ${alert.stopped ? 'ell-tag--warning' : 'ell-tag--success'}"
                  >${alert.stopped ? texts.stopped : texts.active}</span
                >
                ${
                  contract.isFinal
                    ? html`<form method="post" action="${pathOf(contract.contract, 'monitoring')}">
                        <input type="hidden" name="country" value="${alert.country}" />
                        <input type="hidden" name="number" value="${alert.number}" />
                        <input type="hidden" name="kind" value="${alert.kind}" />
                        <input type="hidden" name="recipient" value="${alert.recipient}" />
                        <input type="hidden" name="from" value="${o.withCompany ? 'list' : 'company'}" />
                        <button
                          class="ell-button ell-button--quiet"
                          name="action"
                          value="${alert.stopped ? 'resume' : 'stop'}"
                          aria-label="${alert.stopped ? texts.resume : texts.stop} (${texts.alertOf(
                            kind,
                            name,
                            alert.recipient,
                          )})"
                        >
                          ${alert.stopped ? texts.resume : texts.stop}
                        </button>
                      </form>`
                    : ''
                }
              </td>
            </tr>`
          })}
        </tbody>
      </table>
    </div>`
}
