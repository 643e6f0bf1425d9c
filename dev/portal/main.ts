/** The Ellipro portal of the demonstration: where people end after their activation. See ../relying-party/app.ts. */
import { startApplication } from '../relying-party/start.ts'

startApplication({ key: 'portal', name: { fr: 'Portail Ellipro', en: 'Ellipro portal' } })
