/**
 * The API of the Ellipro workspace, as an Express router; admin-sync/contracts/target/api.ts says what goes in and out.
 *
 *   GET /openapi.json                  its description, for everybody
 *   GET /contracts?after=&limit=       digests, in order
 *   PUT /contracts/{contract}          stores a contract as a whole
 *   GET /contracts/{contract}          the contract as it is now
 *   GET /contracts/{contract}/digest   its digest, computed now
 *
 * All but the first need a token (tokens.ts). What is not 200 is a problem (RFC 9457).
 */
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { z } from 'zod'
import {
  contractId,
  idempotencyKey,
  listContracts,
  maximumBodyBytes,
  putContract,
  type Problem,
  type ProblemCode,
} from '../../../admin-sync/contracts/target/api.ts'
import { UpstreamError } from '../../../core/errors.ts'
import type { LogEvent } from '../../relying-party/app.ts'
import { describeWorkspace } from './openapi.ts'
import { ContractRefused, type Store } from './store.ts'
import { TokenRefused } from './tokens.ts'

export function createWorkspaceRouter(
  store: Store,
  checkToken: (authorization: string | undefined) => Promise<void>,
  log: LogEvent,
): Router {
  const router = express.Router()
  router.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  router
    .route('/openapi.json')
    .get((_req, res) => {
      res.json(describeWorkspace())
    })
    .all(refuseMethod('GET'))

  // Before the body is read: nobody unknown makes us take 48 MB.
  router.use(async (req, _res, next) => {
    await checkToken(req.get('authorization'))
    next()
  })
  router
    .route('/contracts')
    .get(async (req, res) => {
      const { after, limit } = listContracts.parse(req.query)
      res.json({ contracts: await store.listDigests(after, limit) })
    })
    .all(refuseMethod('GET'))
  router
    .route('/contracts/:contract')
    .get(async (req, res) => {
      const document = await store.read(contractId.parse(req.params.contract))
      if (document) res.json(document)
      else answer(res, 'contract_unknown')
    })
    .put(express.json({ limit: maximumBodyBytes }), async (req, res) => {
      if (req.body === undefined) {
        answer(res, 'unsupported_media_type')
        return
      }
      const key = idempotencyKey.safeParse(req.get('idempotency-key'))
      if (!key.success) {
        answer(res, 'invalid_request', { errors: [{ path: 'Idempotency-Key', message: 'must be a UUID' }] })
        return
      }
      const content = putContract.parse(req.body)
      if (content.document.contract !== req.params.contract) {
        const message = 'must be the contract of the address'
        answer(res, 'invalid_request', { errors: [{ path: 'document.contract', message }] })
        return
      }
      const startedAt = performance.now()
      const stored = await store.put(content, key.data)
      log('contract.received', {
        stored: stored.stored,
        final: content.final,
        companies: content.document.portfolio.length,
        duration_ms: Math.round(performance.now() - startedAt),
      })
      res.json(stored)
    })
    .all(refuseMethod('GET, PUT'))
  router
    .route('/contracts/:contract/digest')
    .get(async (req, res) => {
      const digest = await store.readDigest(contractId.parse(req.params.contract))
      if (digest) res.json(digest)
      else answer(res, 'contract_unknown')
    })
    .all(refuseMethod('GET'))

  router.use((_req, res) => answer(res, 'not_found'))
  router.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    answerError(error, res, log)
  })
  return router
}

const statuses: Record<ProblemCode, [status: number, title: string]> = {
  invalid_request: [400, 'The request is not as it must be'],
  unauthorized: [401, 'A valid token is needed'],
  forbidden: [403, 'This client may not use the workspace'],
  contract_unknown: [404, 'There is no such contract'],
  not_found: [404, 'There is no such address'],
  method_not_allowed: [405, 'This method is not for this address'],
  contract_frozen: [409, 'The last content of this contract was received before, and it was another one'],
  too_large: [413, 'The request is too large'],
  unsupported_media_type: [415, 'The body must be JSON in UTF-8'],
  digest_mismatch: [422, 'What was stored has another digest; nothing was kept'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used for another content'],
  unavailable: [503, 'The workspace cannot do it at the moment'],
  failed: [500, 'The workspace failed'],
}

function answer(res: Response, code: ProblemCode, more: Pick<Problem, 'digest' | 'errors'> = {}): void {
  const [status, title] = statuses[code]
  res
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ title, status, code, ...more } satisfies Problem))
}

function refuseMethod(allowed: string) {
  return (_req: Request, res: Response) => {
    res.set('Allow', allowed)
    answer(res, 'method_not_allowed')
  }
}

function answerError(error: unknown, res: Response, log: LogEvent): void {
  if (error instanceof z.ZodError) {
    const errors = error.issues
      .slice(0, 100)
      .map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
    answer(res, 'invalid_request', { errors })
  } else if (error instanceof TokenRefused) {
    const invalid = error.code === 'forbidden' ? 'insufficient_scope' : 'invalid_token'
    res.set('WWW-Authenticate', error.shown ? `Bearer error="${invalid}"` : 'Bearer')
    answer(res, error.code)
  } else if (error instanceof ContractRefused) {
    answer(res, error.code, error.digest === undefined ? {} : { digest: error.digest })
  } else if (error instanceof UpstreamError) {
    log('workspace.unavailable', { code: error.code, service: error.service })
    res.set('Retry-After', '5')
    answer(res, 'unavailable')
  } else {
    const { name, status, code } = error as { name?: string; status?: number; code?: string }
    if (status === 413) answer(res, 'too_large')
    else if (status === 415) answer(res, 'unsupported_media_type')
    // Express and its body parser put a status on what a client did wrong.
    else if (status !== undefined && status < 500) answer(res, 'invalid_request')
    else {
      log('workspace.failed', { type: name, code })
      answer(res, 'failed')
    }
  }
}
