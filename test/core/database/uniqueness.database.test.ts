/** Invariant 3 in the tables: one subject, one Keycloak user, one opened activation, whatever a job does wrong. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createActivationStore } from '../../../provider/activation/store.ts'
import { createStandIn, sha256 } from '../../provider/activation/stand-in.ts'
import { createDatabase } from '../../support/postgres.ts'

const database = await createDatabase()
const pool = new pg.Pool({ connectionString: database.provider, max: 2 })
afterAll(() => pool.end())
const store = createActivationStore(pool)
const sync = createStandIn(database.sync)

/** An opened activation. */
async function open() {
  const account = randomUUID()
  const verifier = randomBytes(32)
  const started = await store.startActivation({
    account,
    login: 'login',
    company: 'Société A',
    contract: 'CF-1',
    address: `${account}@example.fr`,
    locale: 'fr',
    shared: false,
    browserHash: sha256('browser'),
    salt: randomBytes(16),
    verifier,
    correlationId: randomUUID(),
  })
  if (started.outcome !== 'started') throw new Error(started.outcome)
  const { id } = started
  const { k } = await sync.sendMail(id)
  const credential = { credentialData: '{}', secretData: '{}' }
  await store.confirmActivation(id, k, verifier, credential, sha256('finisher'))
  return { id, account, userId: await sync.open(id) }
}
const write = (sql: string, values: unknown[]) => sync.pool.query(sql, values)

test('no two activations have one subject, no two records one Keycloak user, and no activation two records', async () => {
  const [a, b] = [await open(), await open()]
  for (const [sql, constraint] of [
    [
      'UPDATE ellipro.activation SET sub = (SELECT sub FROM ellipro.activation WHERE id = $1) WHERE id = $2',
      'activation_sub_key',
    ],
    [
      `UPDATE ellipro.keycloak_user SET user_id = (SELECT user_id FROM ellipro.keycloak_user WHERE opened_by = $1)
        WHERE opened_by = $2`,
      'keycloak_user_user_id_key',
    ],
    ['UPDATE ellipro.keycloak_user SET opened_by = $1 WHERE opened_by = $2', 'keycloak_user_opened_by_key'],
    [
      `UPDATE ellipro.activation SET account = (SELECT account FROM ellipro.activation WHERE id = $1) WHERE id = $2`,
      'activation_one_holder',
    ],
  ] as const)
    await expect(write(sql, [a.id, b.id])).rejects.toMatchObject({ code: '23505', constraint })
})

test('a record is opened for an activation and with a Keycloak user, or not at all', async () => {
  const { id } = await open()
  for (const sql of [
    `UPDATE ellipro.keycloak_user SET opened_by = NULL WHERE opened_by = $1`,
    `UPDATE ellipro.keycloak_user SET user_id = NULL WHERE opened_by = $1`,
    `UPDATE ellipro.keycloak_user SET state = 'deleted' WHERE opened_by = $1`,
  ])
    await expect(write(sql, [id])).rejects.toMatchObject({ code: '23514' })
})
