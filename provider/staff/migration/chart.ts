/**
 * The curve as pictures: bars for the logins of each day, a line for all of them. SVG made here, without script. Each has
 * a scale of its own and a panel of its own, so colour says nothing; its title and description are its words, and the
 * table below has every number. The scales are HTML beside the picture: they keep their size on a small screen and on
 * paper, while the picture takes the width that there is.
 */
import { html } from 'hono/html'
import type { Language, Translate } from '../../../core/text.ts'
import type { Html } from '../../screens/layout.ts'
import { endOfAxis, placeOf, type Curve } from './curve.ts'

/** "24 nov. 2026". @param day YYYY-MM-DD */
export const describeDay = (language: Language, day: string): string =>
  new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    dateStyle: 'medium',
    timeZone: 'UTC',
  }).format(new Date(`${day}T12:00:00Z`))

export const describeNumber = (language: Language, number: number): string =>
  new Intl.NumberFormat(language === 'fr' ? 'fr-FR' : 'en-GB').format(number)

/** @param total logins in all: the line is seen against them */
export function charts(t: Translate, language: Language, curve: Curve, total: number): Html {
  const { days, most } = curve
  const [first, last] = [days[0]!, days.at(-1)!]
  const between = { from: describeDay(language, first.day), to: describeDay(language, last.day) }
  const count = (number: number) => describeNumber(language, number)
  const endOfBars = endOfAxis(most)
  const endOfLine = Math.max(1, total, last.total)
  return html`${panel(language, {
    id: 'per-day',
    title: t('staff.migration.curve.per_day'),
    description: t('staff.migration.curve.per_day_text', {
      ...between,
      count: last.total - curve.before,
      most,
    }),
    end: endOfBars,
    between,
    days: days.length,
    marks: html`${days.map(({ activated }, index) => {
      const y = placeOf(activated, endOfBars)
      return (
        activated > 0 &&
        html`<rect
          class="ell-chart__bar"
          x="${index + 0.1}"
          y="${y}"
          width="0.8"
          height="${Math.round((100 - y) * 100) / 100}"
        />`
      )
    })}`,
  })}
  ${panel(language, {
    id: 'in-all',
    title: t('staff.migration.curve.in_all'),
    description: t('staff.migration.curve.in_all_text', {
      ...between,
      before: count(first.total),
      after: count(last.total),
      total: count(total),
    }),
    end: endOfLine,
    between,
    days: days.length,
    marks: html`<polyline
      class="ell-chart__line"
      points="${days
        .flatMap(({ total: all }, index) => {
          const y = placeOf(all, endOfLine)
          return [`${index},${y}`, `${index + 1},${y}`]
        })
        .join(' ')}"
    />`,
  })}`
}

type Panel = {
  id: string
  title: string
  description: string
  end: number
  between: { from: string; to: string }
  days: number
  marks: Html
}

function panel(language: Language, { id, title, description, end, between, days, marks }: Panel): Html {
  const half = end / 2
  return html`<figure class="ell-chart">
    <figcaption class="ell-chart__caption" aria-hidden="true">${title}</figcaption>
    <div class="ell-chart__plot">
      <div class="ell-chart__scale" aria-hidden="true">
        <span>${describeNumber(language, end)}</span>
        ${Number.isInteger(half) && html`<span>${describeNumber(language, half)}</span>`}
        <span>0</span>
      </div>
      <svg
        class="ell-chart__picture"
        role="img"
        aria-labelledby="${id}-title"
        aria-describedby="${id}-text"
        viewBox="0 0 ${days} 100"
        preserveAspectRatio="none"
        focusable="false"
      >
        <title id="${id}-title">${title}</title>
        <desc id="${id}-text">${description}</desc>
        <path class="ell-chart__grid" d="M0 0H${days}M0 50H${days}M0 100H${days}" />
        ${marks}
      </svg>
    </div>
    <p class="ell-chart__ends" aria-hidden="true"><span>${between.from}</span><span>${between.to}</span></p>
  </figure>`
}
