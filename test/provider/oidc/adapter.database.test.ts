/** What the adapter of the OP promises beside oidc-provider's own contract, on a real PostgreSQL. */
import { errors } from 'oidc-provider'
import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { createActivationStore } from '../../../provider/activation/store.ts'
import { createAdapterFactory, newGrantId } from '../../../provider/oidc/adapter.ts'
import { describeGrant } from '../../../provider/oidc/definition.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
// One connection, so that what a statement leaves behind meets the next one.
const pool = new pg.Pool({ connectionString: database.provider, max: 1 })
afterAll(() => pool.end())
const create = createAdapterFactory(pool, describeGrant)
const adapterOf = (model: string) => {
  const adapter = create(model)
  if (!('upsert' in adapter)) throw new Error('a factory was expected')
  return adapter
}

it('writes the result of an interaction that is there, and brings back none that has ended', async () => {
  const interactions = adapterOf('Interaction')
  await interactions.upsert('one', { uid: 'one', kind: 'Interaction' }, 60)
  await interactions.upsert(
    'one',
    { uid: 'one', kind: 'Interaction', result: { login: { accountId: 'a' } } },
    60,
  )
  expect(await interactions.find('one')).toMatchObject({ result: { login: { accountId: 'a' } } })

  await interactions.destroy('one')
  const again = interactions.upsert('one', { uid: 'one', kind: 'Interaction', result: {} }, 60)
  await expect(again).rejects.toThrow(errors.SessionNotFound)
  expect(await interactions.find('one')).toBeUndefined()
})

it('leaves the connection as it was, so that consuming a code waits for the disk', async () => {
  await pool.query('SET synchronous_commit = on') // the server of the tests has it off
  const interactions = adapterOf('Interaction')
  await interactions.upsert('two', { uid: 'two', kind: 'Interaction' }, 60)
  await interactions.destroy('two')
  await adapterOf('ReplayDetection').upsert('jti', { iss: 'keycloak' }, 60)
  await createActivationStore(pool).takeProof('no such handle', Buffer.alloc(32))
  const codes = adapterOf('AuthorizationCode')
  await codes.upsert('code', { kind: 'AuthorizationCode', accountId: 'sub' }, 60)
  await codes.consume('code')
  await expect(codes.consume('code')).rejects.toThrow(errors.InvalidGrant)
  const { rows } = await pool.query('SHOW synchronous_commit')
  expect(rows).toEqual([{ synchronous_commit: 'on' }])
})

it('tells what a grant is by its id, and stores none', async () => {
  const grants = adapterOf('Grant')
  const [mine, other] = [newGrantId('sub-of-a-person'), newGrantId('sub-of-a-person')]
  expect(mine).not.toBe(other)
  await grants.upsert(mine, describeGrant('sub-of-a-person'), 60)
  expect(await grants.find(mine)).toMatchObject({
    jti: mine,
    accountId: 'sub-of-a-person',
    clientId: 'keycloak',
    openid: { scope: 'openid' },
  })
  expect(await grants.find('sub-of-a-person')).toBeUndefined()
  const { rows } = await pool.query(`SELECT FROM provider.oidc_payload WHERE model = 'Grant'`)
  expect(rows).toEqual([])
})
