/** The sign-in at the end of an activation when Keycloak does not answer. */
import { expect, it } from 'vitest'
import { createDatabase } from '../../support/postgres.ts'
import { findFreePort } from '../../../dev/ports.ts'
import { Browser, pageName } from '../support/browser.ts'
import { startInstance } from '../support/instance.ts'
import { createOpener } from '../support/opened.ts'

const database = await createDatabase()
const { origin, logged } = await startInstance(database.provider, {
  KEYCLOAK_URL: `http://127.0.0.1:${await findFreePort()}`,
})
const opener = createOpener(database.sync)

it('says that the account is open, and offers another try, when Keycloak cannot be reached', async () => {
  const browser = new Browser()
  const opened = await opener.open(browser, origin)
  const page = await browser.open(`${origin}/activation/${opened.id}/opening`)
  expect([page.status, pageName(page)]).toEqual([503, 'sign-in-problem'])
  expect(page.body).toContain('sign_in.problem.unavailable')
  expect(page.body).toContain(`href="/activation/${opened.id}/opening"`)
  expect(logged).toContainEqual(
    expect.objectContaining({ event: 'sign_in.keycloak_unavailable', activation_id: opened.id }),
  )
})
