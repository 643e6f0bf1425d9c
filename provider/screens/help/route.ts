/** "Questions and answers": what the move changes and what it does not, whom to call, and whether they answer now. */
import { isClosed } from '../../../core/closing.ts'
import { contextOf } from '../../web/context.ts'
import type { Screens } from '../../web/screen.ts'
import { renderPage } from '../layout.ts'
import type { ScreenParts } from '../parts.ts'
import { readDeskState } from './desk-state.ts'
import { helpBody } from './view.ts'

export function helpScreen({ config, now, portalSignIn }: ScreenParts): Screens['help'] {
  return {
    async show(_req, res) {
      const context = contextOf(res)
      const at = config.COFACERING_CLOSES_AT
      await renderPage(res, {
        name: 'help',
        title: context.t('help.title'),
        hasDesk: true,
        isHelp: true,
        body: helpBody({
          context,
          desk: readDeskState(config.DESK_OPENING_HOURS, now()),
          now: now(),
          portalSignIn,
          countries: config.ONLINE_COUNTRIES,
          closing: at && { at, isOver: isClosed(at, now()) },
        }),
      })
    },
  }
}
