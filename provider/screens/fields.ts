/** Form fields in the markup of pages.css: each has a label, and an error tied to it. */
import type { Request } from 'express'
import { html } from 'hono/html'
import type { Translate } from '../../core/text.ts'
import type { RequestContext } from '../web/context.ts'
import type { Flash } from './flash.ts'
import type { Html } from './layout.ts'

/** What makes the toggle of `passwordField` work; a page with one names it in its `scripts`. */
export const passwordScript = 'passwordVisibility.js'

/** A form that posts to a path of ours, with its CSRF field. */
export function form(context: RequestContext, action: string, body: Html): Html {
  return html`<form class="ell-form" method="post" action="${action}" novalidate>
    <input type="hidden" name="csrf" value="${context.csrf}" />
    ${body}
  </form>`
}

type Field = {
  name: string
  label: string
  hint?: string
  autocomplete: string
  type?: 'text' | 'email' | 'tel'
  /** What a telephone's keyboard writes large; default nothing. */
  capitals?: 'none' | 'words'
  isOptional?: boolean
  /** What was typed and refused, and the refusal. */
  flash: Flash
  autofocus?: boolean
}

/** A line of text. Nothing is changed in what is typed: no capitals, no correction. */
export function textField(t: Translate, field: Field): Html {
  const { name, flash, type = 'text', capitals = 'none', isOptional = false } = field
  return frame(
    t,
    field,
    html`<input
      class="ell-input"
      id="${name}"
      name="${name}"
      type="${type}"
      value="${flash.values?.[name] ?? ''}"
      autocomplete="${field.autocomplete}"
      autocapitalize="${capitals}"
      spellcheck="false"
      ${!isOptional && 'required'}
      ${hasFocus(field) && 'autofocus'}
      ${describe(field)}
    />`,
  )
}

/**
 * A password, with a button that shows it where scripts run; without them the button stays away. No `maxlength`: it
 * would cut a pasted password without a word.
 */
export function passwordField(t: Translate, field: Field & { rules?: Html }): Html {
  const { name } = field
  return frame(
    t,
    field,
    html`<div class="ell-password">
      <input
        class="ell-input"
        id="${name}"
        name="${name}"
        type="password"
        autocomplete="${field.autocomplete}"
        autocapitalize="none"
        spellcheck="false"
        required
        ${hasFocus(field) && 'autofocus'}
        ${describe(field)}
      />
      <button
        class="ell-password__toggle"
        type="button"
        hidden
        aria-controls="${name}"
        data-password-toggle
        aria-label="${t('form.password_show')}"
        data-label-show="${t('form.password_show')}"
        data-label-hide="${t('form.password_hide')}"
        data-text-show="${t('form.show')}"
        data-text-hide="${t('form.hide')}"
      >
        ${t('form.show')}
      </button>
    </div>`,
  )
}

/** One of two or more answers, none chosen beforehand unless `chosen` says so. */
export function choiceField(
  t: Translate,
  field: Pick<Field, 'name' | 'label' | 'hint' | 'flash'> & {
    chosen?: string | undefined
    options: { value: string; label: string }[]
  },
): Html {
  const { name, flash } = field
  const error = flash.errors?.[name]
  return html`<fieldset
    class="ell-choices ${error && 'ell-field--error'}"
    ${describe({ ...field, isGroup: true })}
  >
    <legend class="ell-label">${field.label}</legend>
    ${field.hint && html`<p class="ell-hint" id="${name}-hint">${field.hint}</p>`}
    ${errorLine(t, name, flash)}
    ${field.options.map(
      ({ value, label }, index) =>
        html`<div class="ell-choice">
          <input
            type="radio"
            id="${name}-${value}"
            name="${name}"
            value="${value}"
            ${value === field.chosen && 'checked'}
            ${index === 0 && hasFocus(field) && 'autofocus'}
          />
          <label for="${name}-${value}">${label}</label>
        </div>`,
    )}
  </fieldset>`
}

/**
 * The address that the password of a page without an address belongs to: invisible, so that password managers save and
 * fill the right pair, and do not offer the Cofacering password that they know of this site.
 */
export function hiddenUsername(address: string): Html {
  return html`<input
    class="ell-visually-hidden"
    type="text"
    value="${address}"
    autocomplete="username"
    tabindex="-1"
    aria-hidden="true"
    readonly
  />`
}

export function actions(...buttons: (Html | undefined)[]): Html {
  return html`<div class="ell-actions">${buttons}</div>`
}

export function submitButton(label: string, kind?: 'secondary' | 'quiet'): Html {
  return html`<button class="ell-button ${kind && `ell-button--${kind}`}" type="submit">${label}</button>`
}

export function linkButton(href: string, label: string, kind?: 'secondary' | 'quiet'): Html {
  return html`<a class="ell-button ${kind && `ell-button--${kind}`}" href="${href}">${label}</a>`
}

/** Pairs of a name and a value, such as the login that the page is about. */
export function facts(pairs: [name: string, value: string][]): Html {
  return html`<dl class="ell-facts">
    ${pairs.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd><bdi>${value}</bdi></dd>
        </div>`,
    )}
  </dl>`
}

/** Where the person goes on: in the first field that was refused; else in the page's first one, unless a notice has the focus. */
function hasFocus({ name, flash, autofocus = false }: Pick<Field, 'name' | 'flash' | 'autofocus'>): boolean {
  const [firstRefused] = Object.keys(flash.errors ?? {})
  if (firstRefused !== undefined) return firstRefused === name
  return autofocus && (flash.notice?.kind ?? 'info') === 'info'
}

function frame(t: Translate, field: Field & { rules?: Html }, control: Html): Html {
  const { name, flash } = field
  return html`<div class="ell-field ${flash.errors?.[name] && 'ell-field--error'}">
    <label class="ell-label" for="${name}">${field.label}</label>
    ${field.hint && html`<p class="ell-hint" id="${name}-hint">${field.hint}</p>`} ${field.rules}
    ${errorLine(t, name, flash)} ${control}
  </div>`
}

function errorLine(t: Translate, name: string, flash: Flash): Html | undefined {
  const error = flash.errors?.[name]
  if (!error) return undefined
  return html`<p class="ell-error" id="${name}-error">
    <span class="ell-visually-hidden">${t('form.error_prefix')}</span>${t(error.key, error.values)}
  </p>`
}

/** Ties hint, rules and error to the control. A group of radio buttons may not be `aria-invalid`. */
function describe({
  name,
  hint,
  flash,
  rules,
  isGroup = false,
}: Pick<Field, 'name' | 'hint' | 'flash'> & { rules?: Html; isGroup?: boolean }): Html {
  const error = flash.errors?.[name]
  const ids = [hint && `${name}-hint`, rules && `${name}-rules`, error && `${name}-error`].filter(Boolean)
  return html`${ids.length > 0 && html`aria-describedby="${ids.join(' ')}"`}
  ${error && !isGroup && html`aria-invalid="true"`}`
}

/** What was typed in a field; empty when the form had no such field, or had it twice. */
export function typed(req: Request, name: string): string {
  const value = (req.body as Record<string, unknown> | undefined)?.[name]
  return typeof value === 'string' ? value : ''
}
