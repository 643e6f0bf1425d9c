/**
 * Who is an agent: admin-sync says so, within about a second of the sign-in (contract of `begin_staff_session`). A page
 * waits for its answer for two seconds; then it says that the access is being checked, and loads itself again.
 *
 * Nobody is an agent here by what provider believes: without a granted session the database gives nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { Log } from '../../core/log.ts'
import { contextOf } from '../web/context.ts'
import type { StaffCookies } from './kept.ts'
import { renderChecking, renderRefused } from './pages.ts'
import { signInPath } from './paths.ts'
import type { StaffSession, StaffStore } from './store.ts'

export type Agent = { cookieHash: Buffer; name: string }

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
  /** A page of an agent's; anybody else is led to the sign-in, told to wait, or refused with 403. */
  page(handler: AgentHandler): RequestHandler
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
  const guard: Guard = {
    page: (handler) => async (req, res) => {
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
          log.warn({ event: 'staff.refused', ...contextOf(res).ids, code: session.reason ?? 'unknown' })
          return renderRefused(req, res, session.reason, parts.keycloakSignOut)
        case 'granted':
          return handler({ cookieHash, name: session.name }, req, res)
      }
    },
    async agent(req) {
      const cookieHash = cookies.sessionHash(req)
      const session = cookieHash && (await store.session(cookieHash))
      return session?.state === 'granted' ? { cookieHash: cookieHash!, name: session.name } : undefined
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
