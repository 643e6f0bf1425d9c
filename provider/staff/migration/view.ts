/** The page of the migration: numbers, the curve and its table, contracts, mails and work, and the form of the list. */
import type { Response } from 'express'
import { html } from 'hono/html'
import {
  leftStates,
  sumOf,
  totalLogins,
  type LoginState,
  type MigrationNumbers,
} from '../../../core/migration.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { factList, renderStaffPage, tag } from '../layout.ts'
import type { Agent } from '../session.ts'
import { describeAge, describeTime, time } from '../wording.ts'
import { charts, describeDay, describeNumber } from './chart.ts'
import { drawCurve, type Curve } from './curve.ts'
import { defaultRange, ranges, seenChoices } from './filter.ts'

/** `range` in days; `now` milliseconds since 1970. */
type MigrationPage = { numbers: MigrationNumbers; range: number; now: number }

export async function renderMigration(res: Response, lead: Agent, page: MigrationPage): Promise<void> {
  const { t } = contextOf(res)
  const curve = drawCurve(page.numbers, page.range)
  await renderStaffPage(res, lead, {
    name: 'staff-migration',
    query: page.range === defaultRange ? {} : { range: String(page.range) },
    title: t('staff.migration.title'),
    body: logins(res, page),
    more: html`${card('curve', t('staff.migration.curve.title'), progress(res, page, curve))}
    ${card('contracts', t('staff.migration.contracts.title'), contracts(res, page))}
    ${card('work', t('staff.migration.work.title'), work(res, page))}
    ${card('left', t('staff.migration.left.title'), left(res, page))}
    ${card('days', t('staff.migration.curve.table'), days(res, curve))}`,
  })
}

const card = (id: string, title: string, body: Html): Html =>
  html`<section class="ell-card" aria-labelledby="${id}">
    <h2 class="ell-subtitle" id="${id}">${title}</h2>
    ${body}
  </section>`

/** Shown whatever their number; the others when there are any. */
const alwaysShown: readonly LoginState[] = ['activated', 'under_way', 'agent', 'lapsed', 'untouched']
const shownStates = [...alwaysShown, 'closed', 'disabled', 'gone'] as const

function logins(res: Response, { numbers }: MigrationPage): Html {
  const { t, language } = contextOf(res)
  const totals = totalLogins(numbers)
  const share = new Intl.NumberFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    style: 'percent',
    maximumFractionDigits: 1,
  })
  const row = (name: Html | string, count: number, part: string, isSum = false) =>
    html`<tr class="${isSum && 'ell-migration__sum'}">
      <th scope="row">${name}</th>
      <td class="ell-migration__number">${describeNumber(language, count)}</td>
      <td class="ell-migration__number">${part}</td>
    </tr>`
  const states = shownStates.filter((state) => alwaysShown.includes(state) || totals[state] > 0)
  return html`<p class="ell-lead">
      ${t('staff.migration.lead', {
        activated: describeNumber(language, totals.activated),
        total: describeNumber(language, totals.total),
        left: describeNumber(language, totals.left),
      })}
    </p>
    <p class="ell-hint">
      ${
        numbers.importedAt
          ? t('staff.migration.imported', { at: describeTime(language, numbers.importedAt) })
          : t('staff.migration.not_imported')
      }
      ${t('staff.migration.as_of', { at: describeTime(language, numbers.asOf) })}
    </p>
    <table class="ell-table ell-migration__table">
      <caption class="ell-visually-hidden">
        ${t('staff.migration.logins')}
      </caption>
      <thead>
        <tr>
          <th scope="col">${t('staff.migration.column.state')}</th>
          <th scope="col" class="ell-migration__number">${t('staff.migration.column.logins')}</th>
          <th scope="col" class="ell-migration__number">${t('staff.migration.column.share')}</th>
        </tr>
      </thead>
      <tbody>
        ${states.map((state) =>
          row(
            html`${t(`staff.migration.state.${state}`)}
              <span class="ell-staff__soft">${t(`staff.migration.state_hint.${state}`)}</span>`,
            totals[state],
            state === 'gone' || totals.total === 0 ? '–' : share.format(totals[state] / totals.total),
          ),
        )}
        ${row(t('staff.migration.in_all'), totals.total, totals.total === 0 ? '–' : share.format(1), true)}
      </tbody>
    </table>`
}

function progress(res: Response, { numbers, range }: MigrationPage, curve: Curve): Html {
  const { t, language } = contextOf(res)
  return html`<nav class="ell-migration__ranges" aria-labelledby="ranges">
      <h3 class="ell-visually-hidden" id="ranges">${t('staff.migration.curve.ranges')}</h3>
      <ul class="ell-staff__filters" role="list">
        ${ranges.map(
          (one) =>
            html`<li>
              <a
                href="${one === defaultRange ? '/staff/migration#curve' : `/staff/migration?range=${one}#curve`}"
                ${one === range && 'aria-current=true'}
                >${t('staff.migration.curve.range', { days: one })}</a
              >
            </li>`,
        )}
      </ul>
    </nav>
    ${charts(t, language, curve, totalLogins(numbers).total)}
    <p><a class="ell-link" href="#days">${t('staff.migration.curve.table')}</a></p>`
}

/** The numbers of the pictures, the newest first. */
function days(res: Response, curve: Curve): Html {
  const { t, language } = contextOf(res)
  const rows = curve.days.filter(({ activated }) => activated > 0).toReversed()
  return html`<p class="ell-hint">${t('staff.migration.curve.table_hint')}</p>
    <table class="ell-table ell-migration__table" aria-labelledby="days">
      <thead>
        <tr>
          <th scope="col">${t('staff.migration.curve.day')}</th>
          <th scope="col" class="ell-migration__number">${t('staff.migration.curve.per_day')}</th>
          <th scope="col" class="ell-migration__number">${t('staff.migration.curve.in_all')}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ day, activated, total }) =>
            html`<tr>
              <th scope="row"><time datetime="${day}">${describeDay(language, day)}</time></th>
              <td class="ell-migration__number">${describeNumber(language, activated)}</td>
              <td class="ell-migration__number">${describeNumber(language, total)}</td>
            </tr>`,
        )}
        <tr>
          <th scope="row">
            ${t('staff.migration.curve.before', { day: describeDay(language, curve.days[0]!.day) })}
          </th>
          <td class="ell-migration__number">–</td>
          <td class="ell-migration__number">${describeNumber(language, curve.before)}</td>
        </tr>
      </tbody>
    </table>`
}

function contracts(res: Response, { numbers }: MigrationPage): Html {
  const { t, language } = contextOf(res)
  const { contracts: c } = numbers
  const count = (name: Exclude<keyof typeof c, 'comparedAt'>, isWrong = false): [string, Html] => {
    const number = c[name]
    return [
      t(`staff.migration.contracts.${name}`),
      html`${describeNumber(language, number)}
      ${isWrong && number > 0 && tag('warning', t('staff.migration.to_look_at'))}`,
    ]
  }
  return html`${factList([
      count('imported'),
      count('transferred'),
      count('finished'),
      count('frozen'),
      count('identical'),
      count('differing', true),
      count('missing', true),
      count('refused', true),
      count('failing', true),
    ])}
    <p class="ell-hint">
      ${
        c.comparedAt
          ? t('staff.migration.contracts.compared', { at: describeTime(language, c.comparedAt) })
          : t('staff.migration.contracts.not_compared')
      }
    </p>`
}

function work(res: Response, { numbers, now }: MigrationPage): Html {
  const { t, language } = contextOf(res)
  const { cases, mails, work: waiting } = numbers
  const failing = sumOf(mails.failing)
  const age = (at: string | null): Html | string =>
    at === null
      ? t('staff.migration.none')
      : html`${describeAge(language, new Date(at), now)}
          <span class="ell-staff__soft">${time(language, at)}</span>`
  return html`${factList([
      [t('staff.migration.work.cases'), describeNumber(language, cases.open)],
      [t('staff.migration.work.requests'), describeNumber(language, cases.requests)],
      [t('staff.migration.work.oldest_request'), age(cases.oldestAt)],
      [t('staff.migration.work.mails'), describeNumber(language, sumOf(mails.lastDay))],
      [
        t('staff.migration.work.mails_failing'),
        html`${describeNumber(language, failing)}
        ${failing > 0 && tag('warning', t('staff.migration.to_look_at'))}`,
      ],
      [t('staff.migration.work.oldest'), age(waiting?.oldestAt ?? null)],
    ])}
    <p class="ell-hint">${t('staff.migration.work.hint')}</p>`
}

function left(res: Response, { numbers }: MigrationPage): Html {
  const { t, language, csrf } = contextOf(res)
  const totals = totalLogins(numbers)
  return html`<p>${t('staff.migration.left.text')}</p>
    <form class="ell-migration__left" method="post" action="/staff/migration/left">
      <input type="hidden" name="csrf" value="${csrf}" />
      <fieldset class="ell-choices">
        <legend class="ell-label">${t('staff.migration.left.states')}</legend>
        ${leftStates.map(
          (state) =>
            html`<div class="ell-choice">
              <input type="checkbox" id="state-${state}" name="state" value="${state}" checked />
              <label for="state-${state}"
                >${t(`staff.migration.state.${state}`)} (${describeNumber(language, totals[state])})</label
              >
            </div>`,
        )}
      </fieldset>
      <fieldset class="ell-choices">
        <legend class="ell-label">${t('staff.migration.left.seen')}</legend>
        ${seenChoices.map(
          (one) =>
            html`<div class="ell-choice">
              <input type="radio" id="seen-${one}" name="seen" value="${one}" ${one === 'any' && 'checked'} />
              <label for="seen-${one}">${t(`staff.migration.left.seen.${one}`)}</label>
            </div>`,
        )}
      </fieldset>
      <div class="ell-actions">
        <button class="ell-button" type="submit">${t('staff.migration.left.button')}</button>
      </div>
      <p class="ell-hint">${t('staff.migration.left.hint')}</p>
    </form>`
}
