/**
 * The forms of a case: one for each decision that can be taken, closed until it is wanted, so that the words of one are
 * never sent with another. Each has a random id, which makes a double click one decision.
 */
import { randomUUID } from 'node:crypto'
import type { Response } from 'express'
import { html } from 'hono/html'
import type { DecisionKind } from '../../../core/nonce.ts'
import { submitButton } from '../../screens/fields.ts'
import type { Message } from '../../screens/flash.ts'
import type { Html } from '../../screens/layout.ts'
import { contextOf } from '../../web/context.ts'
import { refusalKey } from '../decision-page.ts'
import { isOwn, offersFor } from '../decision-form.ts'
import { tag } from '../layout.ts'
import type { StaffDecision, StaffRequest } from '../store.ts'
import { describeTime, time } from '../wording.ts'
import type { CasePage } from './view.ts'

/** The forms of one request, or why there are none. */
export function requestForms(res: Response, page: CasePage, request: StaffRequest): Html {
  const { t, language } = contextOf(res)
  const { kinds, needsCall, awaiting } = offersFor(page.view, request)
  const typedHere = page.typed?.requestId === request.id ? page.typed : undefined
  const isShown = kinds.some((kind) => kind === typedHere?.kind)
  return html`${
    awaiting &&
    html`<div class="ell-staff__awaiting">
      <p>
        <strong
          >${t(awaiting.isMine ? 'staff.handover.mine' : 'staff.handover.theirs', {
            name: awaiting.name ?? '',
          })}</strong
        >
        ${awaiting.dueAt && t('staff.handover.due', { when: describeTime(language, awaiting.dueAt) })}
      </p>
    </div>`
  }
  ${
    isOwn(page.view, request) &&
    request.state === 'proved' &&
    html`<p>${t(request.isOwn ? 'staff.request.own' : 'staff.request.own_login')}</p>`
  }
  ${typedHere && !isShown && typedHere.reason !== '' && lost(res, request.id, typedHere.reason)}
  ${kinds.map((kind) =>
    decisionForm(res, page, {
      kind,
      request,
      asksForCall: needsCall && kind !== 'refuse',
      isConfirmation: kind === 'holder_left' && awaiting !== undefined,
    }),
  )}`
}

/** What was typed where there is no form for it any more. @param of distinguishes it on the page */
export function lost(res: Response, of: string, reason: string): Html {
  const { t } = contextOf(res)
  return html`<div class="ell-field">
    <label class="ell-label" for="typed-${of}">${t('staff.over.typed')}</label>
    <textarea class="ell-input" id="typed-${of}" rows="4" readonly>${reason}</textarea>
  </div>`
}

export function closingForm(res: Response, page: CasePage): Html {
  return decisionForm(res, page, { kind: 'not_shared', asksForCall: false, isConfirmation: false })
}

type FormOf = {
  kind: DecisionKind
  request?: StaffRequest
  asksForCall: boolean
  /** A second agent says the same. */
  isConfirmation: boolean
}

function decisionForm(res: Response, page: CasePage, form: FormOf): Html {
  const { t, csrf } = contextOf(res)
  const { kind, request, asksForCall, isConfirmation } = form
  const { view, typed } = page
  const requestId = request?.id ?? ''
  const isThis = typed?.kind === kind && typed.requestId === requestId
  const errors = isThis ? (page.errors ?? {}) : {}
  const suffix = `${kind}-${requestId || 'case'}`
  const words = isConfirmation ? 'confirm_left' : kind
  return html`<details class="ell-staff__decide" ${isThis && 'open'}>
    <summary>
      ${t(`staff.form.${words}_summary`)}<span class="ell-visually-hidden"
        >${request && `, ${request.name ?? request.address}`}</span
      >
    </summary>
    <form class="ell-form" method="post" action="/staff/cases/${view.id}/decide" novalidate>
      <input type="hidden" name="csrf" value="${csrf}" />
      <input type="hidden" name="decision" value="${randomUUID()}" />
      <input type="hidden" name="kind" value="${kind}" />
      <input type="hidden" name="request" value="${requestId}" />
      <input type="hidden" name="generation" value="${view.generation}" />
      <p>${t(`staff.form.${words}_text`)}</p>
      ${
        asksForCall &&
        field(res, {
          id: `called-${suffix}`,
          name: 'called',
          label: t('staff.form.called'),
          hint: view.contactPhone
            ? t('staff.form.called_hint', { phone: view.contactPhone, name: view.contactName ?? '' })
            : t('staff.form.called_hint_no_phone'),
          value: isThis ? typed.called : '',
          error: errors['called'],
          hasFocus: errors['called'] !== undefined,
        })
      }
      ${field(res, {
        id: `reason-${suffix}`,
        name: 'reason',
        label: t(`staff.form.${kind}_reason`),
        hint: t(`staff.form.${kind}_reason_hint`),
        value: isThis ? typed.reason : '',
        error: errors['reason'],
        hasFocus: errors['reason'] !== undefined && errors['called'] === undefined,
      })}
      <div class="ell-actions">${submitButton(t(`staff.form.${words}_button`))}</div>
    </form>
  </details>`
}

function field(
  res: Response,
  o: {
    id: string
    name: 'reason' | 'called'
    label: string
    hint: string
    value: string
    error: Message | undefined
    hasFocus: boolean
  },
): Html {
  const { t } = contextOf(res)
  const { id, name, error } = o
  const attributes = html`class="ell-input" id="${id}" name="${name}" autocomplete="off" required
  ${o.hasFocus && 'autofocus'} aria-describedby="${id}-hint${error && ` ${id}-error`}"
  ${error && html`aria-invalid="true"`}`
  return html`<div class="ell-field ${error && 'ell-field--error'}">
    <label class="ell-label" for="${id}">${o.label}</label>
    <p class="ell-hint" id="${id}-hint">${o.hint}</p>
    ${
      error &&
      html`<p class="ell-error" id="${id}-error">
        <span class="ell-visually-hidden">${t('form.error_prefix')}</span>${t(error.key, error.values)}
      </p>`
    }
    ${
      name === 'reason'
        ? html`<textarea rows="3" ${attributes}>${o.value}</textarea>`
        : html`<input
            type="text"
            value="${o.value}"
            autocapitalize="none"
            spellcheck="false"
            ${attributes}
          />`
    }
  </div>`
}

/** What was decided, by whom and when. */
export function decisionList(res: Response, decisions: StaffDecision[]): Html | undefined {
  const { t, language } = contextOf(res)
  if (decisions.length === 0) return undefined
  const tags = {
    applied: 'success',
    awaiting_second: 'warning',
    rejected: 'error',
    submitted: 'info',
  } as const
  return html`<ul class="ell-staff__decisions" role="list">
    ${decisions.map(
      (one) =>
        html`<li>
          <p>
            <strong>${t(`staff.decided.${one.kind}`)}</strong>
            ${tag(tags[one.state], t(`staff.decided.state.${one.state}`))}
            <span class="ell-staff__soft"
              ><bdi>${one.name ?? ''}</bdi>, ${time(language, one.createdAt)}</span
            >
          </p>
          <p>${t('staff.decided.reason')} <bdi class="ell-staff__typed">${one.reason}</bdi></p>
          ${one.called && html`<p>${t('staff.decided.called')} <bdi>${one.called}</bdi></p>`}
          ${
            one.state === 'rejected' &&
            html`<p>${t(refusalKey(one.outcome ?? undefined), { code: one.outcome ?? '' })}</p>`
          }
        </li>`,
    )}
  </ul>`
}
