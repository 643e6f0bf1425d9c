/** The portal's pages over HTTP: what a person sees of their own contracts, and that they see nobody else's. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { parse } from 'csv-parse/sync'
import { digestContract } from '../../../admin-sync/contracts/digest.ts'
import { startTcpProxy } from '../../support/fault-proxy.ts'
import { makeDocument } from '../../support/workspace.ts'
import { createBrowser } from '../relying-party/browser.ts'
import { makePortfolio, startPortal } from './portal.ts'

const strange = 'N° 7/é "<b>'
const people: Record<string, Record<string, unknown>> = {
  chloe: {
    contracts: ['C-1', 'C-large', strange, 'C-coming'],
    contracts_total: 25,
    // More than contract C-1 has.
    reports: ['essentiel', 'efficient', 'expert'],
    analyses: ['classic', 'optimum'],
  },
  marc: { contracts: ['C-2'], reports: [], analyses: [] },
  agnes: {},
}
const server = new URL(inject('postgres').url)
const proxy = await startTcpProxy({ host: server.hostname, port: Number(server.port) })
const portal = await startPortal(
  (sub) => people[sub] ?? {},
  (url) => Object.assign(new URL(url), { host: `${proxy.host}:${proxy.port}` }).href,
)
const mine = makeDocument('C-1')
const formulas = ['=1+1', '+33 1', '-1', '@SUM(1)', ' =1', '\u00a0=1', '＝1']

async function signIn(sub: string, language = 'fr') {
  const browser = createBrowser({ language })
  portal.issuer.answer.next = [{ login: { accountId: sub } }]
  expect((await browser.open(`${portal.url}/sign-in`)).text).toContain(`data-claim="sub">${sub}<`)
  return {
    get: (path: string) => browser.open(`${portal.url}${path}`),
    post: (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
      browser.open(`${portal.url}${path}`, { form, headers }),
  }
}
let chloe: Awaited<ReturnType<typeof signIn>>
beforeAll(async () => {
  await Promise.all([
    portal.carry(mine),
    portal.carry(makeDocument('C-2')),
    portal.carry(
      makeDocument(strange, {
        portfolio: formulas.map((name, index) => ({
          country: 'FR',
          number: String(index),
          name,
          reference: null,
          addedOn: '2020-01-01',
        })),
      }),
      false,
    ),
    portal.carry(
      makeDocument('C-large', {
        portfolio: makePortfolio(10_000),
        monitoring: Array.from({ length: 60 }, (_, index) => ({
          country: 'FR',
          number: String(index).padStart(9, '0'),
          kind: 'score',
          recipient: 'alertes@atelier.example',
          since: '2020-01-01',
        })),
      }),
    ),
  ])
  chloe = await signIn('chloe')
})
const alertOf = (kind: string) => ({
  country: 'FR',
  number: '000000109',
  kind,
  recipient: 'alertes@atelier.example',
  from: 'list',
})
const at = (contract: string) => `/contracts/${encodeURIComponent(contract)}`
const places = [
  '',
  '/portfolio',
  '/portfolio.csv',
  '/companies/FR/000000109',
  '/monitoring',
  '/reports',
  '/countries',
  '/analyses',
  '/messages',
]
const rows = (text: string) =>
  text
    .split(/<tbody[^>]*>/)[1]
    ?.split('</tbody>')[0]
    ?.split(/<tr[^>]*>/)
    .slice(1) ?? []

describe('somebody else’s contract', () => {
  test('is not there, at any address, whatever is added to it', async () => {
    const marc = await signIn('marc')
    const nobody = await signIn('agnes')
    for (const person of [marc, nobody])
      for (const contract of ['C-1', 'C-large', strange, 'C-nowhere', 'c-2', ' C-2', 'C-2 '])
        for (const place of places) {
          const { status, text } = await person.get(`${at(contract)}${place}?contract=C-2&contracts=C-1`)
          expect([contract, place, status]).toEqual([contract, place, 404])
          expect(text).not.toContain('Zébulon')
        }
    expect((await marc.get(at('C-2'))).status).toBe(200)
    const before = await portal.store.readDigest('C-1')
    for (const contract of ['C-1', 'C-large']) {
      const stop = await marc.post(`${at(contract)}/monitoring`, {
        ...alertOf('score'),
        action: 'stop',
        contract: 'C-2',
      })
      expect(stop.status).toBe(404)
      const order = await marc.post(`${at(contract)}/analyses`, {
        id: crypto.randomUUID(),
        kind: 'classic',
        country: 'FR',
        company: 'x',
      })
      expect(order.status).toBe(404)
    }
    expect(await portal.store.readDigest('C-1')).toEqual(before)
    expect(await portal.database.query('SELECT FROM workspace.analysis_order')).toHaveLength(0)
  })

  test('is not there for whoever is not signed in', async () => {
    const browser = createBrowser()
    portal.issuer.answer.next = Array.from({ length: 20 }, () => ({ error: 'login_required' }))
    for (const place of places) {
      const { text } = await browser.open(`${portal.url}${at('C-1')}${place}`)
      expect(text).not.toContain('Zébulon')
      expect(text).not.toContain('C-1')
    }
  })
})

test('the home page leads to each contract that the ID token names, and keeps the claims', async () => {
  const { text } = await chloe.get('/')
  for (const contract of ['C-1', 'C-large', strange])
    expect(text).toContain(`href="${at(contract).replaceAll("'", '&#39;')}"`)
  expect(text).toContain('25 contrats')
  expect(text).toContain('id="claims"')
  expect(text).not.toContain('<b>')
  expect((await (await signIn('agnes')).get('/')).text).toContain('id="no-contract"')
})

test('a contract shows what was carried over, money and days as the language writes them', async () => {
  const { text } = await chloe.get(at('C-1'))
  expect(text).toContain('L’Atelier d’Émile &amp; Fils &lt;C-1&gt;')
  expect(text).toMatch(/data-fact="fee"\s*>1\s?299,00\s€</)
  expect(text).toMatch(/data-fact="signed-on"\s*>28 février 2019</)
  expect(text).toContain('Rapport Efficient')
  const english = await (await signIn('chloe', 'en')).get(at('C-1'))
  expect(english.text).toMatch(/data-fact="fee"\s*>€1,299.00</)
  expect(english.text).toContain('<html lang="en">')
})

test('a contract that the workspace does not have yet says so, and reloads itself', async () => {
  const { status, headers, text } = await chloe.get(`${at('C-coming')}/portfolio`)
  expect(status).toBe(200)
  expect(headers.get('refresh')).toBe('5')
  expect(text).toContain('en cours de reprise')
})

describe('the portfolio', () => {
  test('of 10,000 companies is read page by page', async () => {
    const first = await chloe.get(`${at('C-large')}/portfolio`)
    expect(rows(first.text)).toHaveLength(50)
    expect(rows(first.text)[0]).toContain('Société 00001')
    expect(first.text).toMatch(/10\s000 sociétés/)
    const last = await chloe.get(`${at('C-large')}/portfolio?page=200`)
    expect(rows(last.text).at(-1)).toContain('Société 10000')
    expect(last.text).not.toContain('rel="next"')
    for (const page of ['201', '0', '-1', 'x', '999999999999'])
      expect((await chloe.get(`${at('C-large')}/portfolio?page=${page}`)).status).toBe(200)
  })

  test('is searched by name without accents, by the beginning of a number, and by reference', async () => {
    const search = async (contract: string, words: string) => {
      const { text, status } = await chloe.get(`${at(contract)}/portfolio?q=${encodeURIComponent(words)}`)
      expect(status).toBe(200)
      return rows(text)
    }
    expect(await search('C-1', 'ZEBULON')).toHaveLength(1)
    expect(await search('C-1', 'arzte')).toHaveLength(1)
    expect(await search('C-1', '000 000 109')).toHaveLength(1)
    expect(await search('C-1', 'hrb123')).toHaveLength(1)
    expect(await search('C-1', 'c-0001')).toHaveLength(1)
    expect(await search('C-1', '🧵')).toHaveLength(1)
    expect(await search('C-large', 'societe 0999')).toHaveLength(10)
    for (const hostile of ['%', '_', "'; DROP TABLE workspace.contract; --", '<script>', 'x'.repeat(9_000)])
      expect(await search('C-1', hostile)).toHaveLength(0)
    // What cannot be a text is left out.
    for (const raw of ['%00', '%ED%A0%BE', '%', 'a&q=b&sort=x&sort=y'])
      expect((await chloe.get(`${at('C-1')}/portfolio?q=${raw}`)).status).toBe(200)
    expect((await chloe.get(`${at('C-1')}/portfolio?q=%3Cscript%3E`)).text).not.toContain('<script>')
  })

  test('is sorted by each column, both ways', async () => {
    const first = async (sort: string) =>
      rows((await chloe.get(`${at('C-large')}/portfolio?sort=${sort}`)).text)[0]
    expect(await first('number')).toContain('Société 10000')
    expect(await first('-number')).toContain('Société 00001')
    expect(await first('-name')).toContain('Société 10000')
    expect(await first('-reference')).toContain('REF-9990')
    expect(await first('added')).toContain('15 janvier 2010')
    expect(await first('-added')).toContain('15 janvier 2019')
    expect(rows((await chloe.get(`${at('C-1')}/portfolio?sort=country`)).text)[0]).toContain('Ärzte')
    expect(rows((await chloe.get(`${at('C-1')}/portfolio?sort=-alerts`)).text)[0]).toContain('Zébulon')
    expect((await chloe.get(`${at('C-1')}/portfolio?sort=-alerts`)).text).toContain('aria-sort="descending"')
  })

  test('as a file holds every company, and nothing that a spreadsheet would carry out', async () => {
    const { text, headers } = await chloe.get(`${at('C-1')}/portfolio.csv`)
    expect(headers.get('content-disposition')).toBe('attachment; filename=portefeuille.csv')
    const read = parse(text, { bom: true, delimiter: ';' })
    expect(read).toHaveLength(4)
    expect(read.find((cells) => cells[2] === 'Zébulon SA')).toEqual([
      'FR',
      '000000109',
      'Zébulon SA',
      `'=cmd()`,
      '2020-01-31',
      '2',
    ])
    const tempting = parse((await chloe.get(`${at(strange)}/portfolio.csv`)).text, {
      bom: true,
      delimiter: ';',
    })
    expect(tempting.slice(1).map((cells) => cells[2])).toEqual(formulas.map((name) => `'${name}`))
    const large = await chloe.get(`${at('C-large')}/portfolio.csv`)
    expect(parse(large.text, { bom: true, delimiter: ';' })).toHaveLength(10_001)
  })

  test('leads to each company, with its alerts', async () => {
    const { text } = await chloe.get(`${at('C-1')}/companies/FR/000000109`)
    expect(text).toContain('Zébulon SA')
    expect(rows(text)).toHaveLength(2)
    const german = await chloe.get(`${at('C-1')}/companies/DE/${encodeURIComponent('HRB 12345')}`)
    expect(german.text).toContain('Allemagne')
    for (const place of ['FR/999999999', 'fr/000000109', 'FR/%00', `FR/${'1'.repeat(99)}`])
      expect((await chloe.get(`${at('C-1')}/companies/${place}`)).status).toBe(404)
  })
})

describe('an alert', () => {
  test('of many is on one page alone', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map((page) => chloe.get(`${at('C-large')}/monitoring?page=${page}`)),
    )
    expect(rows(first!.text)).toHaveLength(50)
    expect(rows(second!.text)).toHaveLength(10)
    // By name: the company of the smallest number has the last name.
    expect(rows(second!.text).at(-1)).toContain('Société 10000')
    expect(first!.text).not.toContain('Société 10000')
  })

  test('is stopped and resumed, and the workspace says that the contract was changed', async () => {
    const expected = digestContract(mine).digest
    const stopped = await chloe.post(`${at('C-1')}/monitoring`, { ...alertOf('score'), action: 'stop' })
    expect(stopped.url).toBe(`${portal.url}${at('C-1')}/monitoring`)
    expect(stopped.text).toContain('Arrêtée')
    const changed = await portal.store.readDigest('C-1')
    expect(changed?.digest).not.toBe(expected)
    expect(changed?.changedAt).not.toBeNull()
    expect(changed?.received.digest).toBe(expected)
    // Twice is once.
    await chloe.post(`${at('C-1')}/monitoring`, { ...alertOf('score'), action: 'stop' })
    expect(await portal.store.readDigest('C-1')).toEqual(changed)
    await chloe.post(`${at('C-1')}/monitoring`, { ...alertOf('score'), action: 'resume', from: 'company' })
    expect((await portal.store.readDigest('C-1'))?.digest).toBe(expected)
  })

  test('is not touched by a form of another site, nor before the contract is here for good', async () => {
    const before = await portal.store.readDigest('C-1')
    for (const from of ['cross-site', 'same-site', 'none']) {
      const foreign = await chloe.post(
        `${at('C-1')}/monitoring`,
        { ...alertOf('score'), action: 'stop' },
        { 'sec-fetch-site': from },
      )
      expect(foreign.status).toBe(403)
    }
    expect(await portal.store.readDigest('C-1')).toEqual(before)
    const early = await chloe.post(`${at(strange)}/monitoring`, { ...alertOf('score'), action: 'stop' })
    expect(early.status).toBe(404)
    expect((await portal.store.readDigest(strange))?.changedAt).toBeNull()
    const page = await chloe.get(`${at(strange)}/monitoring`)
    expect(page.text).toContain('id="not-yet"')
    expect(page.text).not.toContain('value="stop"')
  })

  test('that is not there, or of no form at all, changes nothing', async () => {
    const unknown = await chloe.post(`${at('C-1')}/monitoring`, { ...alertOf('officers'), action: 'stop' })
    expect(unknown.status).toBe(404)
    const wrong = await chloe.post(`${at('C-1')}/monitoring`, { ...alertOf('score'), action: 'delete' })
    expect(wrong.status).toBe(400)
  })
})

test('reports and analyses are those that contract and token both give', async () => {
  const { text } = await chloe.get(`${at('C-1')}/reports`)
  const has = (key: string) => new RegExp(`data-offer="${key}"\\s+data-has="(\\w+)"`).exec(text)?.[1]
  expect([has('essentiel'), has('efficient'), has('expert')]).toEqual(['true', 'true', 'false'])
  const marc = await signIn('marc')
  expect((await marc.get(`${at('C-2')}/reports`)).text).not.toContain('data-has="true"')
  expect((await marc.get(`${at('C-2')}/analyses`)).text).not.toContain('<form')
})

const names = ({ text }: { text: string }) =>
  Array.from(text.matchAll(/data-country="\w\w"\s*>([^<]+)</g), ([, name]) => name)

test('countries have the names of the language, in its order', async () => {
  expect(names(await chloe.get(`${at('C-1')}/countries`))).toEqual(['Allemagne', 'Belgique', 'France'])
  const english = await signIn('chloe', 'en')
  expect(names(await english.get(`${at('C-1')}/countries`))).toEqual(['Belgium', 'France', 'Germany'])
})

test('an analysis is ordered once, of the kinds that one has', async () => {
  const order = { id: crypto.randomUUID(), kind: 'classic', country: 'JP', company: '<b>東京</b> KK' }
  const done = await chloe.post(`${at('C-1')}/analyses`, order)
  expect(done.text).toContain('&lt;b&gt;東京&lt;/b&gt; KK')
  expect(done.text).toContain('Japon')
  await chloe.post(`${at('C-1')}/analyses`, order)
  expect(rows((await chloe.get(`${at('C-1')}/analyses`)).text)).toHaveLength(1)
  // It is of its contract alone.
  const { text: ofAnother } = await chloe.get(`${at('C-large')}/analyses`)
  expect(ofAnother).toContain('name="company"')
  expect(ofAnother).not.toContain('東京')
  for (const change of [
    { kind: 'optimum' },
    { country: 'XX' },
    { company: ' ' },
    { company: 'x'.repeat(256) },
  ]) {
    const wrong = await chloe.post(`${at('C-1')}/analyses`, { ...order, id: crypto.randomUUID(), ...change })
    expect(wrong.status).toBe(400)
    expect(wrong.text).toContain('id="order-error"')
  }
  const foreign = await chloe.post(`${at('C-1')}/analyses`, order, { 'sec-fetch-site': 'same-site' })
  expect(foreign.status).toBe(403)
  expect((await portal.store.readDigest('C-1'))?.digest).toBe(digestContract(mine).digest)
})

test('old messages are where the activation was', async () => {
  const { text } = await chloe.get(`${at('C-1')}/messages`)
  expect(text).toContain('href="https://activation.ellipro.example/messages"')
})

test('without its database a contract is not said to be missing or on its way: later, it is said', async () => {
  await proxy.set('refuse')
  for (const contract of ['C-1', 'C-coming'])
    for (const place of ['', '/portfolio', '/portfolio.csv']) {
      const { status, headers, text } = await chloe.get(`${at(contract)}${place}`)
      expect([place, status, headers.get('retry-after')]).toEqual([place, 503, '30'])
      expect(text).toContain('momentanément indisponible')
      expect(text).not.toContain('en cours de reprise')
    }
  await proxy.set('none')
  expect((await chloe.get(at('C-1'))).status).toBe(200)
})

test('the log holds no contract, company or address', () => {
  expect(portal.logged.some((line) => line.includes('alert.changed'))).toBe(true)
  for (const text of ['C-1', 'Zébulon', 'atelier.example', '000000109'])
    expect(portal.logged.join('\n')).not.toContain(text)
})
