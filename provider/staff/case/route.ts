/**
 * One case, with everything that an agent needs to decide.
 *
 *   GET /staff/cases/{id}    what was typed in a decision that did not come to its end is in its form again
 */
import type { Flashes } from '../../screens/flash.ts'
import type { StaffCookies } from '../kept.ts'
import { renderNotFound } from '../pages.ts'
import { isId } from '../return-path.ts'
import type { AgentHandler } from '../session.ts'
import type { StaffStore } from '../store.ts'
import { renderCase } from './view.ts'

export function casePage(parts: {
  cookies: StaffCookies
  store: StaffStore
  flashes: Flashes
  now: () => number
}): AgentHandler {
  return async (agent, req, res) => {
    const { id } = req.params
    const view = isId(id) ? await parts.store.case(agent.cookieHash, id) : undefined
    if (!view) return renderNotFound(res, 'case', agent)
    const kept = parts.cookies.draft(req)
    const flash = parts.flashes.take(req, res)
    // A form that was sent empty opens for what it has to say, and not again.
    const hasWords = kept !== undefined && (kept.reason !== '' || kept.called !== undefined)
    const draft = hasWords || flash.errors || flash.notice ? kept : undefined
    await renderCase(res, {
      view,
      agent,
      now: parts.now(),
      flash,
      ...(flash.errors && { errors: flash.errors }),
      ...(draft !== undefined &&
        draft.caseId === id && {
          typed: {
            id: draft.id,
            kind: draft.kind,
            requestId: draft.requestId ?? '',
            generation: String(draft.generation),
            reason: draft.reason,
            called: draft.called ?? '',
          },
        }),
    })
  }
}
