/** The help desk that was configured, as the port. A third connector is added here and in config.ts. */
import type { HelpDesk } from './config.ts'
import { connectEmail } from './email.ts'
import type { TicketQueue } from './port.ts'
import { connectRt } from './rt.ts'

/** Asks nobody anything yet. */
export function connectHelpDesk(helpDesk: HelpDesk): TicketQueue {
  return helpDesk.kind === 'email' ? connectEmail(helpDesk) : connectRt(helpDesk)
}
