/**
 * The pages of the portal about one contract: contract and tariff, reports, countries, analyses, messages, and what stands
 * around every one of them. Portfolio and monitoring are in portfolio-pages.ts. Nothing here needs a script.
 */
import { html } from 'hono/html'
import { page, type Html, type View } from '../relying-party/pages.ts'
import type { Language } from '../relying-party/texts.ts'
import type { Contract, Order, Price } from './shelf.ts'
import { portalTexts, type PortalTexts } from './texts.ts'

export const sections = [
  'contract',
  'portfolio',
  'monitoring',
  'reports',
  'countries',
  'analyses',
  'messages',
] as const
export type Section = (typeof sections)[number]
/** What every page is made with. */
export type Frame = { view: View; contract: Contract; section: Section }

/** Address of a page of a contract, with a query whose empty values are left out. */
export function pathOf(contract: string, place: string, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
  const path = place === 'contract' ? '' : `/${place}`
  return `/contracts/${encodeURIComponent(contract)}${path}${search === '' ? '' : `?${search}`}`
}

/** Numbers, money, days and countries as the person's language writes them. */
export function formats(language: Language) {
  const regions = new Intl.DisplayNames(language, { type: 'region' })
  const days = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' })
  const numbers = new Intl.NumberFormat(language)
  const plurals = new Intl.PluralRules(language)
  const collator = new Intl.Collator(language)
  const country = (code: string) => regions.of(code) ?? code
  return {
    country,
    number: (value: number) => numbers.format(value),
    isMany: (value: number) => plurals.select(value) !== 'one',
    day: (iso: string | Date) => days.format(typeof iso === 'string' ? new Date(`${iso}T00:00:00Z`) : iso),
    money: (cents: number, currency: string) =>
      new Intl.NumberFormat(language, { style: 'currency', currency }).format(cents / 100),
    /** Codes with their names, in order of the names. */
    countries: (codes: readonly string[]) =>
      codes
        .map((code) => ({ code, name: country(code) }))
        .toSorted((a, b) => collator.compare(a.name, b.name)),
  }
}
/** A SIREN is read in groups of three. */
export const showNumber = (country: string, number: string) =>
  country === 'FR' && /^\d{9}$/.test(number) ? number.replace(/(\d{3})(?=\d)/g, '$1\u202f') : number

export function textsOf(view: View): PortalTexts {
  return portalTexts[view.texts.language]
}

/** @param title of the page; default: the section's */
export function contractPage(
  { view, contract, section }: Frame,
  content: Html,
  title?: string,
): Promise<string> {
  const texts = textsOf(view)
  const heading = title ?? texts.sections[section]
  return page(
    view,
    `${heading} · ${contract.contract}`,
    html`<nav class="ell-sections" aria-label="${texts.sectionsLabel}">
        <ul>
          ${sections.map(
            (name) =>
              html`<li>
                <a
                  href="${pathOf(contract.contract, name)}"
                  ${name === section ? html`aria-current="page"` : ''}
                  >${texts.sections[name]}</a
                >
              </li>`,
          )}
        </ul>
      </nav>
      <div class="ell-card">
        <h1 class="ell-title">${heading}</h1>
        <p class="ell-hint">${contract.company} · ${texts.contractNumber} ${contract.contract}</p>
        ${content}
      </div>`,
    true,
  )
}

/** For the home page. @param contracts of the ID token; @param total how many there are */
export function renderContracts(language: Language, contracts: readonly string[], total: number): Html {
  const texts = portalTexts[language]
  const { number } = formats(language)
  return html`<h2 class="ell-subtitle">${contracts.length > 1 ? texts.yourContracts : texts.yourContract}</h2>
    ${
      contracts.length === 0
        ? html`<p id="no-contract">${texts.noContract}</p>
            <p><a class="ell-link" href="/sign-in">${texts.refresh}</a></p>`
        : html`<ul class="ell-list" id="contracts">
            ${contracts.map(
              (contract) =>
                html`<li>
                  <a class="ell-link" href="${pathOf(contract, 'contract')}"
                    >${texts.contractNumber} ${contract}</a
                  >
                  (<a class="ell-link" href="${pathOf(contract, 'portfolio')}">${texts.sections.portfolio}</a
                  >,
                  <a class="ell-link" href="${pathOf(contract, 'monitoring')}">${texts.sections.monitoring}</a
                  >)
                </li>`,
            )}
          </ul>`
    }
    ${
      total > contracts.length && contracts.length > 0
        ? html`<p class="ell-hint">${texts.moreContracts(number(total))}</p>`
        : ''
    }`
}

/** The workspace does not have the contract yet; the answer has a header that reloads it. */
export function renderCarried(view: View): Promise<string> {
  const texts = textsOf(view)
  return page(
    view,
    texts.carriedTitle,
    html`<div class="ell-card">
      <h1 class="ell-title">${texts.carriedTitle}</h1>
      <p class="ell-working" role="status">${texts.carriedText}</p>
      <p class="ell-actions"><a class="ell-button ell-button--quiet" href="">${texts.refresh}</a></p>
    </div>`,
  )
}

export function renderUnavailable(view: View): Promise<string> {
  const texts = textsOf(view)
  return page(
    view,
    texts.unavailableTitle,
    html`<div class="ell-card">
      <h1 class="ell-title">${texts.unavailableTitle}</h1>
      <p>${texts.unavailableText}</p>
      <p class="ell-actions"><a class="ell-button" href="/">${view.texts.home}</a></p>
    </div>`,
  )
}

export function renderContract(frame: Frame, prices: readonly Price[]): Promise<string> {
  const { contract, view } = frame
  const texts = textsOf(view)
  const { money, day, number, country, isMany } = formats(view.texts.language)
  const contact = [contract.contactName, contract.contactEmail, contract.contactPhone].filter(
    (text) => text !== null,
  )
  const facts: [id: string, label: string, value: string][] = [
    ['company', texts.company, contract.company],
    [
      'number',
      texts.companyNumber,
      `${showNumber(contract.country, contract.number)} (${country(contract.country)})`,
    ],
    ['tariff', texts.tariff, contract.tariff],
    ['fee', texts.fee, money(contract.feeCents, contract.currency)],
    ['signed-on', texts.signedOn, day(contract.signedOn)],
    ['contact', texts.contact, contact.join(', ')],
    ['score', texts.score, contract.score ? texts.included : texts.notIncluded],
    [
      'companies',
      texts.sections.portfolio,
      texts.companies(number(contract.companies), isMany(contract.companies)),
    ],
    ['alerts', texts.alerts, number(contract.alerts)],
  ]
  return contractPage(
    frame,
    html`<p>${texts.unchanged}</p>
      <dl class="ell-facts">
        ${facts
          .filter(([, , value]) => value !== '')
          .map(
            ([id, label, value]) =>
              html`<div>
                <dt>${label}</dt>
                <dd data-fact="${id}">${value}</dd>
              </div>`,
          )}
      </dl>
      <h2 class="ell-subtitle" id="prices-title">${texts.prices}</h2>
      ${
        prices.length === 0
          ? html`<p>${texts.noPrices}</p>`
          : html`<div class="ell-table-frame" role="region" tabindex="0" aria-labelledby="prices-title">
              <table class="ell-table" id="prices">
                <thead>
                  <tr>
                    <th scope="col">${texts.item}</th>
                    <th scope="col" class="ell-table__number">${texts.price}</th>
                  </tr>
                </thead>
                <tbody>
                  ${prices.map(
                    ({ item, cents, currency }) =>
                      html`<tr>
                        <td>${nameItem(texts, item)}</td>
                        <td class="ell-table__number">${money(cents, currency)}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>`
      }`,
  )
}

/** `rapport-expert` by the names that the pages use; whatever else as it stands. */
function nameItem(texts: PortalTexts, item: string): string {
  const [kind = '', name = ''] = item.split('-')
  const own = { rapport: texts.reports, analyse: texts.analysisNames }[kind]?.[name]
  if (own !== undefined) return `${texts.items[kind]} ${own}`
  return texts.items[item] ?? item
}

/** What is offered, with whether the contract has it. @param entitled by the ID token */
export function renderReports(frame: Frame, entitled: readonly string[]): Promise<string> {
  const texts = textsOf(frame.view)
  return contractPage(
    frame,
    offers(
      texts,
      Object.entries(texts.reports).map(([key, name]) => ({
        key,
        name,
        text: texts.reportTexts[key] ?? '',
        has: entitled.includes(key),
      })),
    ),
  )
}

function offers(
  texts: PortalTexts,
  list: readonly { key: string; name: string; text: string; has: boolean }[],
): Html {
  return html`<ul class="ell-offers" role="list">
    ${list.map(
      ({ key, name, text, has }) =>
        html`<li data-offer="${key}" data-has="${String(has)}">
          <strong>${name}</strong>
          <span class="ell-tag ${has ? 'ell-tag--success' : 'ell-tag--warning'}"
            >${has ? texts.included : texts.notIncluded}</span
          >
          <p>${text}</p>
        </li>`,
    )}
  </ul>`
}

export function renderCountries(frame: Frame, codes: readonly string[]): Promise<string> {
  const texts = textsOf(frame.view)
  const { countries, number } = formats(frame.view.texts.language)
  return contractPage(
    frame,
    html`<p>${texts.countriesLead(number(codes.length))}</p>
      <ul class="ell-columns" id="countries">
        ${countries(codes).map(({ code, name }) => html`<li data-country="${code}">${name}</li>`)}
      </ul>`,
  )
}

export type OrderForm = { kind: string; country: string; company: string; id: string }

/** @param form what was typed; @param state of the form; @param entitled analyses that may be ordered */
export function renderAnalyses(
  frame: Frame,
  entitled: readonly string[],
  orders: readonly Order[],
  codes: readonly string[],
  { form, state }: { form: OrderForm; state: 'new' | 'wrong' | 'done' },
): Promise<string> {
  const { contract, view } = frame
  const texts = textsOf(view)
  const { countries, country, day } = formats(view.texts.language)
  const notice = {
    new: '',
    wrong: html`<div class="ell-notice ell-notice--error" role="alert" id="order-error">
      <p>${texts.orderWrong}</p>
    </div>`,
    done: html`<div class="ell-notice ell-notice--success" role="status"><p>${texts.ordered}</p></div>`,
  }[state]
  const invalid = state === 'wrong' ? html`aria-invalid="true" aria-describedby="order-error"` : ''
  return contractPage(
    frame,
    html`${notice}
    ${offers(
      texts,
      Object.entries(texts.analysisNames).map(([key, name]) => ({
        key,
        name,
        text: texts.analysisTexts[key] ?? '',
        has: entitled.includes(key),
      })),
    )}
    ${
      entitled.length === 0
        ? ''
        : html`<h2 class="ell-subtitle">${texts.order}</h2>
            <form class="ell-form" method="post" action="${pathOf(contract.contract, 'analyses')}">
              <input type="hidden" name="id" value="${form.id}" />
              <fieldset class="ell-choices">
                <legend class="ell-label">${texts.orderKind}</legend>
                ${entitled.map(
                  (key, index) =>
                    html`<div class="ell-choice">
                      <input
                        type="radio"
                        id="kind-${key}"
                        name="kind"
                        value="${key}"
                        ${form.kind === key || (form.kind === '' && index === 0) ? html`checked` : ''}
                      /><label for="kind-${key}">${texts.analysisNames[key] ?? key}</label>
                    </div>`,
                )}
              </fieldset>
              <div class="ell-field">
                <label class="ell-label" for="country">${texts.country}</label>
                <select class="ell-input" id="country" name="country" autocomplete="off">
                  ${countries(codes).map(
                    ({ code, name }) =>
                      html`<option value="${code}" ${form.country === code ? html`selected` : ''}>
                        ${name}
                      </option>`,
                  )}
                </select>
              </div>
              <div class="ell-field">
                <label class="ell-label" for="company">${texts.orderCompany}</label>
                <input
                  class="ell-input"
                  id="company"
                  name="company"
                  value="${form.company}"
                  maxlength="255"
                  autocomplete="off"
                  ${invalid}
                />
              </div>
              <div class="ell-actions"><button class="ell-button">${texts.orderButton}</button></div>
            </form>`
    }
    ${
      orders.length === 0
        ? ''
        : html`<h2 class="ell-subtitle" id="orders-title">${texts.orders}</h2>
            <div class="ell-table-frame" role="region" tabindex="0" aria-labelledby="orders-title">
              <table class="ell-table" id="orders">
                <thead>
                  <tr>
                    <th scope="col">${texts.orderedOn}</th>
                    <th scope="col">${texts.orderKind}</th>
                    <th scope="col">${texts.country}</th>
                    <th scope="col">${texts.company}</th>
                  </tr>
                </thead>
                <tbody>
                  ${orders.map(
                    (order) =>
                      html`<tr>
                        <td>${day(order.orderedAt)}</td>
                        <td>${texts.analysisNames[order.kind] ?? order.kind}</td>
                        <td>${country(order.country)}</td>
                        <td>${order.company}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>`
    }`,
  )
}

/** @param address where they are saved, on provider */
export function renderMessages(frame: Frame, address: string): Promise<string> {
  const texts = textsOf(frame.view)
  return contractPage(
    frame,
    html`<p>${texts.messagesText}</p>
      <p class="ell-actions">
        <a class="ell-button" id="old-messages" href="${address}">${texts.messagesLink}</a>
      </p>`,
  )
}
