/**
 * The API of the Ellipro workspace, request by request: the one source of what admin-sync sends and accepts (http.ts), of
 * what the workspace checks (dev/portal/workspace/), and of its description, docs/workspace-api.json. Pure.
 *
 *   PUT /contracts/{contract}          putContract -> stored       stores the contract as a whole, or nothing
 *   GET /contracts/{contract}          -> contractDocument
 *   GET /contracts/{contract}/digest   -> workspaceDigest
 *   GET /contracts?after=&limit=       listContracts -> contractList
 *
 * Whatever is not 200 is a problem (RFC 9457), `application/problem+json`, whose `code` is one of problemCodes.
 */
import { z } from 'zod'
import { sections } from '../digest.ts'
import { contractDocument } from '../model.ts'

/** Bytes of a request's body at most; more is answered with 413. A portfolio of 100,000 companies takes about a third. */
export const maximumBodyBytes = 48 * 1024 * 1024
/** Contracts that one answer of the list holds at most. */
export const maximumListed = 1_000

export const contractId = contractDocument.shape.contract.describe('Number of the contract.')
const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal')
  .describe('Canonical digest of a contract (docs/contract-digest.md).')
const moment = z.iso.datetime({ offset: true })

/** Value of the header Idempotency-Key of a PUT: the same for the same content. */
export const idempotencyKey = z.uuid().describe('Any UUID; one that was used for another content is refused.')

export const putContract = z
  .strictObject({
    document: contractDocument,
    /** What the workspace must reach from the rows that it has stored. */
    digest,
    /** The last one: from now on every other content is refused. */
    final: z.boolean(),
  })
  .superRefine(({ document }, context) => {
    for (const [path, keys] of listKeys(document)) {
      const seen = new Set<string>()
      for (const [index, key] of keys.entries()) {
        if (seen.has(key))
          context.addIssue({
            code: 'custom',
            path: ['document', ...path, index],
            message: 'stands twice in its list',
          })
        seen.add(key)
      }
    }
  })
export type PutContract = z.infer<typeof putContract>

/** `stored: false`: it had the same content already, and nothing was changed. */
export const stored = z.object({ contract: contractId, digest, stored: z.boolean() })
export type Stored = z.infer<typeof stored>

const sectionDigest = z.object({ count: z.int().min(0), digest })
export const workspaceDigest = z.object({
  contract: contractId,
  digest,
  sections: z.object(
    Object.fromEntries(sections.map((section) => [section, sectionDigest])) as Record<
      (typeof sections)[number],
      typeof sectionDigest
    >,
  ),
  /** Of what was received last, computed from what was stored then. */
  received: z.object({ digest, at: moment, final: z.boolean() }),
  /** When somebody changed it on Ellipro; `null`: nobody since it was received. */
  changedAt: moment.nullable(),
})

/** Query of the list. An empty or absent `after` begins at the first one. */
export const listContracts = z.object({
  after: z.union([z.literal(''), contractId]).default(''),
  limit: z.coerce.number().int().min(1).max(maximumListed).default(100),
})
/** In order of the contracts' UTF-8 bytes; an empty list is the end. */
export const contractList = z.object({ contracts: z.array(workspaceDigest) })

export const problemCodes = [
  /** 400: `errors` names each place. */
  'invalid_request',
  /** 401: no token, or one that is not valid (any more). */
  'unauthorized',
  /** 403: a valid token of somebody who may not do this. */
  'forbidden',
  'contract_unknown',
  'not_found',
  'method_not_allowed',
  /** 409: the last one was received, and this is another content. `digest` is the one that stays. */
  'contract_frozen',
  'too_large',
  'unsupported_media_type',
  /** 422: what was stored gives `digest`, not the one that was sent. Nothing was kept. */
  'digest_mismatch',
  'idempotency_key_reused',
  /** 503: later. */
  'unavailable',
  'failed',
] as const
export const problem = z.object({
  type: z.string().optional(),
  title: z.string(),
  status: z.int().min(400).max(599),
  code: z.enum(problemCodes),
  digest: digest.optional(),
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe('Places in the request, such as `document.portfolio.3.number`; the first hundred.'),
})
export type Problem = z.infer<typeof problem>
export type ProblemCode = Problem['code']

const key = (...parts: string[]) => parts.join('\t')

/** The lists of a document that are sets, with what makes each of their records one. */
function listKeys(document: z.infer<typeof contractDocument>): [path: string[], keys: string[]][] {
  const { tariff, portfolio, monitoring } = document
  return [
    [['tariff', 'prices'], tariff.prices.map(({ item }) => item)],
    [['reports'], document.reports],
    [['analyses'], document.analyses],
    [['countries'], document.countries],
    [['portfolio'], portfolio.map((line) => key(line.country, line.number))],
    [['monitoring'], monitoring.map((line) => key(line.country, line.number, line.kind, line.recipient))],
  ]
}
