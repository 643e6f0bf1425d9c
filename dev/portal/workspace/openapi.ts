/**
 * The description of the workspace's API (OpenAPI 3.1), made of the schemas that check its requests. Served at
 * /workspace/openapi.json, and written to docs/workspace-api.json by `npm run docs`. Pure.
 */
import { z } from 'zod'
import {
  contractId,
  contractList,
  idempotencyKey,
  listContracts,
  maximumBodyBytes,
  maximumListed,
  problem,
  putContract,
  stored,
  workspaceDigest,
} from '../../../admin-sync/contracts/target/api.ts'
import { contractDocument } from '../../../admin-sync/contracts/model.ts'
import { audience } from './tokens.ts'

const schemas = {
  Contract: contractDocument,
  PutContract: putContract,
  Stored: stored,
  WorkspaceDigest: workspaceDigest,
  ContractList: contractList,
  Problem: problem,
}
type SchemaName = keyof typeof schemas

const schemaOf = (schema: z.ZodType) => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}
const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` })
const json = (name: SchemaName) => ({ 'application/json': { schema: reference(name) } })
const answers = (description: string, name: SchemaName, problems: Record<string, string>) => ({
  '200': { description, content: json(name) },
  ...Object.fromEntries(
    Object.entries({
      '401': 'unauthorized',
      '403': 'forbidden',
      ...problems,
      '503': 'unavailable: later, with Retry-After',
    }).map(([status, codes]) => [
      status,
      {
        description: `code ${codes}`,
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  ),
})
const contractParameter = {
  name: 'contract',
  in: 'path',
  required: true,
  schema: schemaOf(contractId),
}
const query = (name: string, description: string, schema: z.ZodType) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema: schemaOf(schema),
})

/** An object that can be written as JSON; the same at every call. */
export function describeWorkspace() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ellipro workspace',
      version: '1',
      description: `Takes the contracts that come from Cofacering, each as a whole, and says what it has. A body is at most ${maximumBodyBytes / 1024 / 1024} MB.`,
    },
    servers: [{ url: '/workspace' }],
    security: [{ keycloak: [] }],
    paths: {
      '/contracts': {
        get: {
          operationId: 'listContracts',
          summary: 'Digests of contracts, in order of the bytes of their numbers',
          parameters: [
            query('after', 'Begins after this contract.', listContracts.shape.after),
            query('limit', `At most ${maximumListed}.`, listContracts.shape.limit),
          ],
          responses: answers('An empty list is the end.', 'ContractList', { '400': 'invalid_request' }),
        },
      },
      '/contracts/{contract}': {
        parameters: [contractParameter],
        put: {
          operationId: 'putContract',
          summary: 'Stores a contract as a whole, or nothing',
          description:
            'Repeating it changes nothing. After one with `final: true` every other content is refused; people of the contract may change it from then on.',
          parameters: [
            { name: 'Idempotency-Key', in: 'header', required: true, schema: schemaOf(idempotencyKey) },
          ],
          requestBody: { required: true, content: json('PutContract') },
          responses: answers('It is stored, with the digest computed from what was stored.', 'Stored', {
            '400': 'invalid_request: `errors` names each place',
            '409': 'contract_frozen: the last content was received, and this is another one',
            '413': 'too_large',
            '415': 'unsupported_media_type',
            '422':
              'digest_mismatch: nothing was kept, `digest` is what would have been stored; or idempotency_key_reused',
          }),
        },
        get: {
          operationId: 'readContract',
          summary: 'The contract as it is now',
          responses: answers('The order of lists means nothing.', 'Contract', {
            '400': 'invalid_request',
            '404': 'contract_unknown',
          }),
        },
      },
      '/contracts/{contract}/digest': {
        parameters: [contractParameter],
        get: {
          operationId: 'readDigest',
          summary: 'Its canonical digest, computed from what is stored now',
          responses: answers('See docs/contract-digest.md.', 'WorkspaceDigest', {
            '400': 'invalid_request',
            '404': 'contract_unknown',
          }),
        },
      },
    },
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema)])),
      securitySchemes: {
        keycloak: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: `Access token of client admin-sync-workspace (client credentials) with audience ${audience}.`,
        },
      },
    },
  }
}
