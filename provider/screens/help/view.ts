/** The page of questions and answers: the desk and whether it answers now, the questions as links, then each answer. */
import { html } from 'hono/html'
import { describeClosing } from '../../../core/closing.ts'
import { analyses, reports } from '../../../core/offer.ts'
import { describeTime } from '../../../core/opening-hours.ts'
import type { Language, Translate } from '../../../core/text.ts'
import type { RequestContext } from '../../web/context.ts'
import { deskContacts, type Html } from '../layout.ts'
import { inParis, type DeskState, type ParisTime } from './desk-state.ts'

export type HelpView = {
  context: RequestContext
  desk: DeskState
  /** Milliseconds since 1970. */
  now: number
  portalSignIn: string
  /** ISO 3166-1 alpha-2. */
  countries: readonly string[]
  closing: { at: Date; isOver: boolean } | undefined
}

type Question = { id: string; answer: Html }

export function helpBody(view: HelpView): Html {
  const { t, desk, language } = view.context
  const questions = listQuestions(view)
  return html`<p class="ell-lead">${t('help.lead')}</p>
    <section class="ell-notice ell-notice--info" id="desk-now" aria-labelledby="desk-now-title">
      <h2 class="ell-subtitle" id="desk-now-title">${t('desk.name')}</h2>
      <p id="desk-state" data-open="${String(view.desk.isOpen)}">
        <strong>${describeState(t, language, view)}</strong>
      </p>
      <p>${t('desk.open_hours', { hours: desk.hours[language] })} ${t('help.holidays')}</p>
      ${deskContacts(desk)}
    </section>
    <nav class="ell-contents" aria-label="${t('help.contents')}">
      <ul>
        ${questions.map(({ id }) => html`<li><a href="#${id}">${t(`help.${id}.question`)}</a></li>`)}
      </ul>
    </nav>
    ${questions.map(
      ({ id, answer }) =>
        html`<section class="ell-answer" id="${id}" aria-labelledby="${id}-title">
          <h2 class="ell-subtitle" id="${id}-title">${t(`help.${id}.question`)}</h2>
          ${answer}
        </section>`,
    )}`
}

function listQuestions({ context: { t, language }, portalSignIn, countries, closing }: HelpView): Question[] {
  const say = (key: string) => html`<p>${t(`help.${key}`)}</p>`
  const steps = ['step_sign_in', 'step_details', 'step_mail', 'step_password']
  return [
    {
      id: 'move',
      answer: html`${
          closing &&
          html`<p>
            ${t(closing.isOver ? 'closed.since' : 'closing.soon', {
              when: describeClosing(closing.at, language),
            })}
          </p>`
        }
        <ol class="ell-list">
          ${steps.map((step) => html`<li>${t(`help.move.${step}`)}</li>`)}
        </ol>
        ${say('move.once')}`,
    },
    {
      id: 'sign_in',
      answer: html`${say('sign_in.answer')}
        <p><a href="${portalSignIn}">${t('portal.sign_in')}</a></p>`,
    },
    { id: 'shared', answer: html`${say('shared.answer')} ${say('shared.how')}` },
    { id: 'no_mail', answer: html`${say('no_mail.answer')} ${say('no_mail.not_me')}` },
    { id: 'contract', answer: say('contract.answer') },
    { id: 'portfolio', answer: html`${say('portfolio.answer')} ${say('portfolio.alerts')}` },
    {
      id: 'reports',
      answer: html`${say('reports.answer')}
      ${list(
        reports.map((report) => t(`help.report.${report}`)),
        'reports-list',
      )}
      ${say('reports.score')}`,
    },
    {
      id: 'old_messages',
      answer: html`${say('old_messages.answer')}
        <p><a href="/messages">${t('help.old_messages.link')}</a></p>`,
    },
    {
      id: 'countries',
      answer: html`${say('countries.answer')} ${list(nameCountries(countries, language), 'countries-list')}
        <p>
          ${t('help.countries.analyses', {
            analyses: new Intl.ListFormat(language).format(
              analyses.map((analysis) => t(`help.analysis.${analysis}`)),
            ),
          })}
        </p>`,
    },
  ]
}

const list = (items: readonly string[], name: string): Html =>
  html`<ul class="ell-list ${items.length > 9 && 'ell-list--columns'}" id="${name}">
    ${items.map((item) => html`<li>${item}</li>`)}
  </ul>`

/** In the order of the language. */
function nameCountries(codes: readonly string[], language: Language): string[] {
  const names = new Intl.DisplayNames(language, { type: 'region' })
  return codes.map((code) => names.of(code) ?? code).toSorted(new Intl.Collator(language).compare)
}

function describeState(t: Translate, language: Language, { desk, now }: HelpView): string {
  if (desk.isOpen) return t('help.open_until', { time: describeTime(desk.until.minutes, language) })
  const key = desk.isHoliday ? 'help.closed_holiday' : 'help.closed'
  return desk.opensAt ? `${t(key)} ${t('help.opens', describeOpening(language, now, desk.opensAt))}` : t(key)
}

function describeOpening(language: Language, now: number, { date, minutes }: ParisTime) {
  const time = describeTime(minutes, language)
  if (date === inParis(now).date) return { day: 'today', when: '', time }
  const when = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    timeZone: 'UTC',
  }).format(Date.parse(date))
  return { day: 'other', when, time }
}
