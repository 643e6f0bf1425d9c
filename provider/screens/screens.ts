/** The screens by name, as app.ts mounts them. */
import type { Dependencies } from '../dependencies.ts'
import { staffRoutes } from '../staff/routes.ts'
import type { Screens } from '../web/screen.ts'
import { proofScreen, requestWithdrawScreen } from './access/proof.ts'
import { accessScreen } from './access/route.ts'
import { requestScreen } from './access/state.ts'
import { confirmationScreen } from './confirmation/route.ts'
import { contractScreen } from './contract/route.ts'
import { deskScreen } from './desk/route.ts'
import { helpScreen } from './help/route.ts'
import { holderScreen } from './holder/route.ts'
import { loginScreen } from './login/route.ts'
import { messagesScreen } from './messages/route.ts'
import { movedScreen } from './moved/route.ts'
import { openingScreen } from './opening/route.ts'
import { createScreenParts } from './parts.ts'
import { redirectionScreen } from './redirection/route.ts'
import { resumeScreen } from './resume/route.ts'
import { sentScreen } from './sent/route.ts'
import { waitingScreen } from './waiting/route.ts'
import { withdrawScreen } from './withdraw/route.ts'

export function createScreens(dependencies: Dependencies): Screens {
  const parts = createScreenParts(dependencies)
  return {
    login: loginScreen(parts),
    redirection: redirectionScreen(parts),
    moved: movedScreen(parts),
    messages: messagesScreen(parts),
    desk: deskScreen(parts),
    help: helpScreen(parts),
    resume: resumeScreen(parts),
    sent: sentScreen(parts),
    confirmation: confirmationScreen(parts),
    opening: openingScreen(parts),
    withdraw: withdrawScreen(parts),
    staff: staffRoutes(parts),
    waiting: waitingScreen(parts),
    contract: contractScreen(parts),
    access: accessScreen(parts),
    accessProof: proofScreen(parts),
    accessWithdraw: requestWithdrawScreen(parts),
    accessRequest: requestScreen(parts),
    holder: holderScreen(parts),
  }
}
