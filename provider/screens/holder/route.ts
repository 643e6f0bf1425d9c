/**
 * What the holder of a login is asked about the people who want an access of their own: do you know them? Advice for
 * the agent who decides, and nothing more; the last answer counts.
 *
 *   GET  /access/holder/{case}?h=   keeps the code of the mail in a cookie and goes on without it
 *   GET  /access/holder/{case}      the questions, with a form each
 *   POST /access/holder/{case}      `request` and `knows` (`yes` or `no`)
 */
import type { Request } from 'express'
import { ScreenError } from '../../../core/errors.ts'
import { isActivationId } from '../../activation/store.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { keptCode, moveCode } from '../access/code.ts'
import { typed } from '../fields.ts'
import type { ScreenParts } from '../parts.ts'
import { showHolder, showNoHolder } from './view.ts'

const pageOf = (id: string) => `/access/holder/${id}`

export function holderScreen(parts: ScreenParts): Screens['holder'] {
  const { cases, flashes, log } = parts
  return {
    async show(req, res) {
      const id = caseId(req)
      const link = { kind: 'holder', parameter: 'h', id, page: pageOf(id) } as const
      const look = async (code: Buffer) => ((await cases.holderQuestions(id, code)) ? {} : undefined)
      if (await moveCode(parts, req, res, { ...link, look })) return
      const code = keptCode(parts, req, 'holder', id)
      const view = code && (await cases.holderQuestions(id, code))
      if (!view) return showNoHolder(req, res)
      await showHolder(res, id, view, flashes.take(req, res))
    },

    async submit(req, res) {
      const id = caseId(req)
      const code = parts.secrets.code(req, 'holder', id)
      const knows = typed(req, 'knows')
      if (!code || (knows !== 'yes' && knows !== 'no')) return res.redirect(303, pageOf(id))
      const isTaken = await cases.answerHolder(id, code, typed(req, 'request'), knows === 'yes')
      log.info({ event: 'access.holder', ...contextOf(res).ids, outcome: isTaken ? 'answered' : 'gone' })
      flashes.redirect(res, pageOf(id), {
        notice: isTaken
          ? { kind: 'success', text: { key: 'holder.thanks' } }
          : { kind: 'info', text: { key: 'holder.gone' } },
      })
    },
  }
}

/** @throws ScreenError `error.not_found` for what cannot be the id of a case */
function caseId(req: Request): string {
  const id = req.params['case']
  if (typeof id !== 'string' || !isActivationId(id)) throw new ScreenError('error.not_found', 404)
  return id
}
