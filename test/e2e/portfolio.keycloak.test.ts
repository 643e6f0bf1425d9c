/**
 * A person moves, over HTTP, with the whole product, a real Keycloak and real mail: what Cofacering has of their contract
 * stands on the portal afterwards, company by company, and on theirs alone. Nobody started anything by hand.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { sampleLogins } from '../../dev/cofacering/sample-logins.ts'
import { HttpPerson } from '../support/http-person.ts'
import { startProduct } from '../support/product.ts'
import { chosenPassword } from './journey.ts'
import { walk } from './kill-matrix/walker.ts'

const product = await startProduct({ TRUST_PROXY: '1' })
const { urls } = product
const legacy = new pg.Pool({ connectionString: product.cofacering.reader, max: 2 })
afterAll(() => legacy.end())

const sorted = (lines: string[][]) => lines.map((line) => line.join('\t')).toSorted()

/** Signs in at the portal until the contract is named and carried over. @returns its address there, and the person */
async function openContract(address: string): Promise<{ person: HttpPerson; path: string }> {
  for (let tries = 0; tries < 60; tries += 1) {
    const person = new HttpPerson()
    await person.open(`${urls.portal}/sign-in`)
    await person.submit({ username: address, password: chosenPassword }, 'login-actions')
    const path = /<a class="ell-link" href="(\/contracts\/[^/"]+)"/.exec(person.page.body)?.[1]
    if (path !== undefined) {
      await person.open(`${urls.portal}${path}`)
      if (person.page.body.includes('data-fact="fee"')) return { person, path }
    }
    await sleep(500)
  }
  throw new Error('The contract does not get to the portal')
}

it('carries over a portfolio of 10,000 companies: the same on the portal as on Cofacering, for its person alone', async () => {
  const large = sampleLogins.find(({ login }) => login === 'cabinet.moreau')!
  const address = 'claire.moreau@cabinet-moreau.example'
  const state = { accepted: new Set<string>(), askedMails: 0, sub: undefined, trail: [] }
  await walk(product, { login: large.login, password: large.password, address, network: '10.61.1.1' }, state)

  const { person, path } = await openContract(address)
  const contract = decodeURIComponent(path.replace('/contracts/', ''))
  const { rows } = await legacy.query<{
    country: string
    number: string
    name: string
    reference: string | null
  }>(
    `SELECT country, number, name, reference, to_char(added_on, 'YYYY-MM-DD') AS added,
       (SELECT count(*) FROM transfer_monitoring m
        WHERE (m.contract, m.country, m.number) = (p.contract, p.country, p.number)) AS alerts
     FROM transfer_portfolio p
     WHERE contract = (SELECT contract FROM directory_login WHERE login = $1)`,
    [large.login],
  )
  expect(rows).toHaveLength(10_000)
  await person.open(`${urls.portal}${path}/portfolio.csv`)
  const shown = parse(person.page.body, { bom: true, delimiter: ';' }).slice(1)
  const unquoted = shown.map((line) => line.map((cell) => cell.replace(/^'(?=\s*[=+\-@])/, '')))
  expect(sorted(unquoted)).toEqual(sorted(rows.map((row) => Object.values(row).map((value) => value ?? ''))))
  await person.open(`${urls.portal}${path}/portfolio`)
  expect(person.page.body).toMatch(/10\s000 sociétés/)
  await person.open(`${urls.portal}${path}/reports`)
  expect(person.page.body).toContain('data-has="true"')

  // The second application learns nothing of it.
  await person.open(`${urls.secondApplication}/sign-in`)
  expect(person.page.body).toContain('data-claim="sub"')
  expect(person.page.body).not.toContain('data-claim="contracts"')

  // Somebody else, with an account of their own, does not find it.
  const other = sampleLogins.find(({ login }) => login === 'transports.lefevre')!
  const colleague = 'paul.lefevre@transports-lefevre.example'
  const second = { accepted: new Set<string>(), askedMails: 0, sub: undefined, trail: [] }
  await walk(
    product,
    { login: other.login, password: other.password, address: colleague, network: '10.61.1.2' },
    second,
  )
  const { person: stranger, path: own } = await openContract(colleague)
  expect(own).not.toBe(path)
  for (const place of ['', '/portfolio', '/portfolio.csv', '/monitoring', '/reports']) {
    await stranger.open(`${urls.portal}${path}${place}`)
    expect([place, stranger.page.status]).toEqual([place, 404])
    expect(stranger.page.body).not.toContain(contract)
  }
})
