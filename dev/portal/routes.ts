/**
 * The portal's pages about contracts, for whoever is signed in:
 *
 *   GET  /contracts/{contract}                              contract and tariff
 *   GET  /contracts/{contract}/portfolio?q=&sort=&page=     companies
 *   GET  /contracts/{contract}/portfolio.csv                all of them, for a spreadsheet
 *   GET  /contracts/{contract}/companies/{country}/{number} one company and its alerts
 *   GET  /contracts/{contract}/monitoring?page=             alerts
 *   POST /contracts/{contract}/monitoring                   stops an alert, or resumes it
 *   GET  /contracts/{contract}/reports, /countries, /messages
 *   GET  /contracts/{contract}/analyses                     Classic and Optimum
 *   POST /contracts/{contract}/analyses                     orders one
 *
 * Whose a contract is, the claim `contracts` of the verified ID token alone says. An address of somebody else's contract
 * is answered as one that does not exist, before anything about it is read.
 */
import { randomUUID } from 'node:crypto'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { z } from 'zod'
import { UpstreamError } from '../../core/errors.ts'
import { isCountry, listCountries } from '../../core/offer.ts'
import { isFromElsewhere, type LogEvent, type PageTools } from '../relying-party/app.ts'
import type { Account } from '../relying-party/sessions.ts'
import { readClaims } from './claims.ts'
import { writePortfolio } from './csv.ts'
import {
  pathOf,
  renderAnalyses,
  renderCarried,
  renderContract,
  renderCountries,
  renderMessages,
  renderReports,
  renderUnavailable,
  textsOf,
  type Frame,
  type OrderForm,
  type Section,
} from './pages.ts'
import { renderCompany, renderMonitoring, renderPortfolio, type Search } from './portfolio-pages.ts'
import { sortings, type Contract, type Shelf } from './shelf.ts'

const at = (place: string) => `/contracts/:contract${place}`

export function createContractPages(
  shelf: Shelf,
  { findAccount, view, showMessage }: PageTools,
  { providerUrl, log }: { providerUrl: string; log: LogEvent },
): Router {
  const router = express.Router({ caseSensitive: true })
  const readForm = express.urlencoded({ extended: false, limit: '16kb' })

  /** Shows a page of the contract, if it is the person's. @param show gets nothing that was not checked */
  const contractRoute =
    (
      section: Section,
      show: (frame: Frame, req: Request, res: Response, account: Account) => Promise<unknown>,
    ) =>
    async (req: Request, res: Response) => {
      const account = findAccount(req)
      if (!account) {
        res.redirect(303, '/')
        return
      }
      const asked = req.params['contract']
      const own = readClaims(account.claims).contracts.find((contract) => contract === asked)
      if (own === undefined) {
        await showMessage(req, res, 404, 'notFound')
        return
      }
      const contract = await shelf.readContract(own)
      if (!contract) res.set('Refresh', '5').send(await renderCarried(view(req)))
      else await show({ view: view(req), contract, section }, req, res, account)
    }

  router.get(
    at(''),
    contractRoute('contract', async (frame, _req, res) => {
      res.send(await renderContract(frame, await shelf.listPrices(frame.contract.contract)))
    }),
  )
  router.get(
    at('/portfolio'),
    contractRoute('portfolio', async (frame, req, res) => {
      const search = readSearch(req.query)
      res.send(
        await renderPortfolio(frame, search, await shelf.searchPortfolio(frame.contract.contract, search)),
      )
    }),
  )
  router.get(
    at('/portfolio.csv'),
    contractRoute('portfolio', async (frame, _req, res) => {
      const texts = textsOf(frame.view)
      const heads = [
        texts.country,
        texts.companyNumber,
        texts.name,
        texts.reference,
        texts.added,
        texts.alerts,
      ]
      // A fixed name: a contract's number may hold anything.
      res.attachment('portefeuille.csv').type('text/csv; charset=utf-8')
      res.send(writePortfolio(heads, await shelf.listPortfolio(frame.contract.contract)))
    }),
  )
  router.get(
    at('/companies/:country/:number'),
    contractRoute('portfolio', async (frame, req, res) => {
      const key = companyKey.safeParse(req.params)
      const { contract } = frame.contract
      const company = key.success && (await shelf.readCompany(contract, key.data.country, key.data.number))
      if (!company) return showMessage(req, res, 404, 'notFound')
      const { alerts } = await shelf.listAlerts(contract, 1, company)
      return res.send(await renderCompany(frame, company, alerts))
    }),
  )
  router.get(
    at('/monitoring'),
    contractRoute('monitoring', async (frame, req, res) => {
      const { page } = readSearch(req.query)
      res.send(await renderMonitoring(frame, page, await shelf.listAlerts(frame.contract.contract, page)))
    }),
  )
  router.post(
    at('/monitoring'),
    refuseForeignForm,
    readForm,
    contractRoute('monitoring', async (frame, req, res) => {
      const wish = alertForm.safeParse(req.body)
      if (!wish.success) return showMessage(req, res, 400, 'failed')
      const { action, from, ...alert } = wish.data
      const { contract } = frame.contract
      if (!(await shelf.setAlert(contract, alert, action === 'stop')))
        return showMessage(req, res, 404, 'notFound')
      log('alert.changed', { action })
      const company = `companies/${alert.country}/${encodeURIComponent(alert.number)}`
      return res.redirect(303, pathOf(contract, from === 'company' ? company : 'monitoring'))
    }),
  )
  router.get(
    at('/reports'),
    contractRoute('reports', async (frame, _req, res, account) => {
      res.send(await renderReports(frame, entitled(frame.contract, account, 'reports')))
    }),
  )
  router.get(
    at('/countries'),
    contractRoute('countries', async (frame, _req, res) => {
      res.send(await renderCountries(frame, await shelf.listCountries(frame.contract.contract)))
    }),
  )
  router.get(
    at('/analyses'),
    contractRoute('analyses', async (frame, req, res, account) => {
      const state = req.query['state'] === 'done' ? 'done' : 'new'
      await showAnalyses(frame, res, account, { form: emptyForm(), state })
    }),
  )
  router.post(
    at('/analyses'),
    refuseForeignForm,
    readForm,
    contractRoute('analyses', async (frame, req, res, account) => {
      const wish = orderForm.safeParse(req.body)
      const { contract } = frame.contract
      if (!wish.success || !entitled(frame.contract, account, 'analyses').includes(wish.data.kind)) {
        const given = { ...emptyForm(), ...typed.parse(req.body ?? {}) }
        res.status(400)
        return showAnalyses(frame, res, account, { form: given, state: 'wrong' })
      }
      await shelf.addOrder(contract, { ...wish.data, by: account.claims.sub })
      log('analysis.ordered', { kind: wish.data.kind })
      return res.redirect(303, pathOf(contract, 'analyses', { state: 'done' }))
    }),
  )
  router.get(
    at('/messages'),
    contractRoute('messages', async (frame, _req, res) => {
      res.send(await renderMessages(frame, `${providerUrl}/messages`))
    }),
  )

  router.use(async (error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (!(error instanceof UpstreamError)) {
      next(error)
      return
    }
    log('workspace.unavailable', { code: error.code })
    res
      .status(503)
      .set('Retry-After', '30')
      .send(await renderUnavailable(view(req)))
  })
  return router

  async function showAnalyses(
    frame: Frame,
    res: Response,
    account: Account,
    form: Parameters<typeof renderAnalyses>[4],
  ) {
    const orders = await shelf.listOrders(frame.contract.contract)
    const may = entitled(frame.contract, account, 'analyses')
    res.send(await renderAnalyses(frame, may, orders, everywhere, form))
  }
  async function refuseForeignForm(req: Request, res: Response, next: NextFunction) {
    if (isFromElsewhere(req)) await showMessage(req, res, 403, 'formRefused')
    else next()
  }
}

/** What the contract has and the token grants: one person's contracts differ, and a token is newer than a page. */
function entitled(contract: Contract, account: Account, what: 'reports' | 'analyses'): string[] {
  const granted = readClaims(account.claims)[what]
  return contract[what].filter((one) => granted.includes(one))
}

const emptyForm = (): OrderForm => ({ kind: '', country: 'FR', company: '', id: randomUUID() })

/** Analyses are ordered anywhere. */
const everywhere = listCountries()

const text = (max: number) => z.string().regex(new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${max}}$`, 'u'))
const companyKey = z.object({ country: z.string().regex(/^[A-Z]{2}$/), number: text(32) })
const alertForm = companyKey.extend({
  kind: text(32),
  recipient: text(254),
  action: z.enum(['stop', 'resume']),
  from: z.enum(['list', 'company']),
})
const orderForm = z.object({
  id: z.uuid(),
  kind: z.string(),
  country: z.string().refine(isCountry),
  company: z.string().trim().pipe(text(255)),
})
/** What was typed, as far as it can be shown again. */
const typed = z.object({
  kind: z.string().catch(''),
  country: z.string().catch('FR'),
  company: z.string().max(1_000).catch(''),
})

function readSearch(query: Request['query']): Search {
  const { q, sort, page } = z
    .object({ q: z.string().catch(''), sort: z.string().catch(''), page: z.string().catch('1') })
    .parse(query)
  const number = /^\d{1,6}$/.test(page) ? Math.max(1, Number(page)) : 1
  return {
    // No character that PostgreSQL does not take; nobody searches for more.
    words: q.replaceAll('\0', '').toWellFormed().trim().slice(0, 100).toWellFormed(),
    sorting: sortings.find((name) => name === sort.replace(/^-/, '')) ?? 'name',
    descending: sort.startsWith('-'),
    page: number,
  }
}
