/**
 * The list of cases: what waits for a decision first, the oldest request on top.
 *
 *   GET /staff?filter=&q=&page=    filter: deciding (default) | open | closed | all; q: part of a reference, login,
 *                                  company, contract, name or address; 50 a page
 */
import { oneLine } from '../../../core/text.ts'
import type { AgentHandler } from '../session.ts'
import { caseFilters, type StaffStore } from '../store.ts'
import { pageSize, renderList } from './view.ts'

const maxSearch = 100

export function listPage({ store, now }: { store: StaffStore; now: () => number }): AgentHandler {
  return async (agent, req, res) => {
    const { filter: wanted, q, page: number } = req.query
    const filter = caseFilters.find((one) => one === wanted) ?? 'deciding'
    const search = oneLine(typeof q === 'string' ? q : '')
      .trim()
      .slice(0, maxSearch)
    const page = typeof number === 'string' && /^[1-9]\d{0,5}$/.test(number) ? Number(number) : 1
    const found = await store.cases(agent.cookieHash, {
      filter,
      search,
      limit: pageSize,
      offset: (page - 1) * pageSize,
    })
    await renderList(res, agent, { ...found, filter, search, page, now: now() })
  }
}
