/**
 * Who is an agent, or a lead of the migration: admin-sync says so, within about a second of the sign-in (contract of
 * `begin_staff_session`). A page waits for its answer for two seconds; then it says that the access is being checked, and
 * loads itself again. A person may be one, the other, or both; a page is for one of them.
 *
 * Nobody is either here by what provider believes: without a granted session the database gives nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { Log } from '../../core/log.ts'
import { contextOf } from '../web/context.ts'
import type { StaffCookies } from './kept.ts'
import { renderChecking, renderRefused } from './pages.ts'
import { signInPath } from './paths.ts'
import type { StaffSession, StaffStore } from './store.ts'

/** Whoever is signed in on these pages, with at least one of the two roles. */
export type Agent = { cookieHash: Buffer; name: string; isAgent: boolean; isLead: boolean }
/** What a page says of them. */
export type Shown = Omit<Agent, 'cookieHash'>

/** @param cookieHash that of a granted session */
export type AgentHandler = (agent: Agent, req: Request, res: Response) => Promise<void>

const waitMs = 2_000
const lookEveryMs = 150

/** Asks again until the answer is there, or two seconds are over. */
export async function waitFor<T>(ask: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> {
  let answer = await ask()
  for (let waited = 0; waited < waitMs && !isThere(answer); waited += lookEveryMs) {
    await sleep(lookEveryMs)
    answer = await ask()
  }
  return answer
}

export type Guard = {
  /** A page for agents, for leads, or for both; anybody else is led to the sign-in, told to wait, or refused with 403. */
  page(handler: AgentHandler, whose?: 'agent' | 'lead' | 'either'): RequestHandler
  /** The agent at this browser, at this moment; `undefined` for anybody else. */
  agent(req: Request): Promise<Agent | undefined>
  session(req: Request): Promise<StaffSession | undefined>
}

export function createGuard(parts: {
  cookies: StaffCookies
  store: StaffStore
  log: Log
  keycloakSignOut: string
}): Guard {
  const { cookies, store, log } = parts
  function refuse(req: Request, res: Response, reason: string | undefined, shown?: Shown): Promise<void> {
    log.warn({ event: 'staff.refused', ...contextOf(res).ids, code: reason ?? 'unknown' })
    return renderRefused(req, res, reason, parts.keycloakSignOut, shown)
  }

  const guard: Guard = {
    page:
      (handler, whose = 'agent') =>
      async (req, res) => {
        const cookieHash = cookies.sessionHash(req)
        const session =
          cookieHash &&
          (await waitFor(
            () => store.session(cookieHash),
            (found) => found?.state !== 'checking',
          ))
        if (!session) return toSignIn(req, res)
        switch (session.state) {
          case 'checking':
            return renderChecking(req, res)
          case 'refused':
            return refuse(req, res, session.reason)
          case 'granted': {
            const { state: _, ...shown } = session
            if ((whose === 'agent' && !shown.isAgent) || (whose === 'lead' && !shown.isLead))
              return refuse(req, res, `not_${whose}`, shown)
            return handler({ cookieHash, ...shown }, req, res)
          }
        }
      },
    async agent(req) {
      const cookieHash = cookies.sessionHash(req)
      const session = cookieHash && (await store.session(cookieHash))
      if (session?.state !== 'granted' || !session.isAgent) return undefined
      const { state: _, ...shown } = session
      return { cookieHash: cookieHash!, ...shown }
    },
    async session(req) {
      const cookieHash = cookies.sessionHash(req)
      return cookieHash && (await store.session(cookieHash))
    },
  }
  return guard
}

/** What signs an agent in and leads back to the page that was asked for. */
function toSignIn(req: Request, res: Response): void {
  res.redirect(303, signInPath(req.originalUrl))
}
