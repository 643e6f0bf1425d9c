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

type Question = { id: string; question: string; answer: Html }

export function helpBody(view: HelpView): Html {
  const { t, desk, language } = view.context
  const questions = listQuestions(view)
  return html`<p class="ell-lead">${t('help.lead')}</p>
    <section class="ell-desk-now" id="desk-now" aria-labelledby="desk-now-title">
      <h2 class="ell-subtitle" id="desk-now-title">${t('desk.name')}</h2>
      <p id="desk-state" data-open="${String(view.desk.isOpen)}">
        <strong>${describeState(t, language, view)}</strong>
      </p>
      <p>${t('desk.open_hours', { hours: desk.hours[language] })} ${t('help.holidays')}</p>
      ${deskContacts(desk)}
    </section>
    <ul class="ell-contents" aria-label="${t('help.contents')}">
      ${questions.map(({ id, question }) => html`<li><a href="#${id}">${question}</a></li>`)}
    </ul>
    ${questions.map(
      ({ id, question, answer }) =>
        html`<section class="ell-answer" id="${id}" aria-labelledby="${id}-title">
          <h2 class="ell-subtitle" id="${id}-title">${question}</h2>
          ${answer}
        </section>`,
    )}`
}

function listQuestions({ context: { t, language }, portalSignIn, countries, closing }: HelpView): Question[] {
  const say = (key: string) => html`<p>${t(key)}</p>`
  const steps = [
    'help.move.step_sign_in',
    'help.move.step_details',
    'help.move.step_mail',
    'help.move.step_password',
  ]
  return [
    {
      id: 'move',
      question: t('help.move.question'),
      answer: html`${
          closing &&
          html`<p>
            ${t(closing.isOver ? 'closed.since' : 'closing.soon', {
              when: describeClosing(closing.at, language),
            })}
          </p>`
        }
        <ol class="ell-list">
          ${steps.map((step) => html`<li>${t(step)}</li>`)}
        </ol>
        ${say('help.move.once')}`,
    },
    {
      id: 'sign_in',
      question: t('help.sign_in.question'),
      answer: html`${say('help.sign_in.answer')}
        <p><a class="ell-link" href="${portalSignIn}">${t('portal.sign_in')}</a></p>`,
    },
    {
      id: 'shared',
      question: t('help.shared.question'),
      answer: html`${say('help.shared.answer')} ${say('help.shared.how')}`,
    },
    {
      id: 'no_mail',
      question: t('help.no_mail.question'),
      answer: html`${say('help.no_mail.answer')} ${say('help.no_mail.not_me')}`,
    },
    { id: 'contract', question: t('help.contract.question'), answer: say('help.contract.answer') },
    {
      id: 'portfolio',
      question: t('help.portfolio.question'),
      answer: html`${say('help.portfolio.answer')} ${say('help.portfolio.alerts')}`,
    },
    {
      id: 'reports',
      question: t('help.reports.question'),
      answer: html`${say('help.reports.answer')} ${list(reports.map(nameProduct), 'reports-list')}
      ${say('help.reports.score')}`,
    },
    {
      id: 'old_messages',
      question: t('help.old_messages.question'),
      answer: html`${say('help.old_messages.answer')}
        <p><a class="ell-link" href="/messages">${t('help.old_messages.link')}</a></p>`,
    },
    {
      id: 'countries',
      question: t('help.countries.question'),
      answer: html`${say('help.countries.answer')}
        ${list(nameCountries(countries, language), 'countries-list')}
        <p>
          ${t('help.countries.analyses', {
            analyses: new Intl.ListFormat(language).format(analyses.map(nameProduct)),
          })}
        </p>`,
    },
  ]
}

const list = (items: readonly string[], name: string): Html =>
  html`<ul class="ell-list ${items.length > 9 && 'ell-list--columns'}" id="${name}">
    ${items.map((item) => html`<li>${item}</li>`)}
  </ul>`

/** They are called the same in every language. */
const nameProduct = (key: string) => `${key[0]?.toUpperCase()}${key.slice(1)}`

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
