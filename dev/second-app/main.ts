/** A second Ellipro application: one sign-in opens both, one sign-out closes both. See ../relying-party/app.ts. */
import { readApplicationConfig } from '../relying-party/config.ts'
import { createEventLog, startApplication } from '../relying-party/start.ts'

startApplication(
  { key: 'second_app', name: { fr: 'Rapports Ellipro', en: 'Ellipro reports' } },
  readApplicationConfig(process.env),
  createEventLog('second_app'),
)
