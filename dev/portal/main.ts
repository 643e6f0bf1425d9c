/**
 * The Ellipro portal of the demonstration: where people end after their activation (../relying-party/app.ts), and the
 * workspace that their contracts are carried to (workspace/).
 */
import { createLog } from '../../core/log.ts'
import { createEventLog, startApplication } from '../relying-party/start.ts'
import { readPortalConfig } from './config.ts'
import { createWorkspace } from './workspace.ts'

const config = readPortalConfig(process.env)
const log = createEventLog('portal')
startApplication(
  { key: 'portal', name: { fr: 'Portail Ellipro', en: 'Ellipro portal' } },
  config,
  log,
  createWorkspace(config, createLog('portal', 'info'), log),
)
