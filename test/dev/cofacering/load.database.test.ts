import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { loadCofacering } from '../../../dev/cofacering/load.ts'
import { columns } from '../../../admin-sync/contracts/model.ts'
import { loginKey } from '../../../core/legacy-login.ts'
import { createCofacering, createDatabase } from '../../support/postgres.ts'

const cofacering = await createCofacering()
const other = await createDatabase()

async function query<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}
const failure = (url: string, text: string) =>
  query(url, text).then(
    () => 'allowed',
    (error: unknown) => (error as { code?: string }).code,
  )

describe('loading the sample Cofacering', () => {
  it('changes nothing the second time', async () => {
    const stamp = () => query(cofacering.superuser, 'SELECT xmin::text, id FROM login ORDER BY id LIMIT 3')
    const before = await stamp()
    expect(await loadCofacering(cofacering.superuser)).toMatchObject({ loaded: false })
    expect(await stamp()).toEqual(before)
  })

  it('replaces a sample that is not today’s, once, when two starts do it together', async () => {
    await query(cofacering.superuser, `UPDATE sample_fingerprint SET sha256 = 'older'; DELETE FROM person`)
    const both = await Promise.all([
      loadCofacering(cofacering.superuser),
      loadCofacering(cofacering.superuser),
    ])
    expect(both.filter(({ loaded }) => loaded)).toHaveLength(1)
    const [count] = await query<{ n: number }>(
      cofacering.superuser,
      'SELECT count(*)::int AS n FROM directory_login',
    )
    expect(count?.n).toBe(both[0].logins)
  })

  it('leaves a database alone that holds tables of somebody else', async () => {
    await query(other.superuser, 'CREATE TABLE login (id int); INSERT INTO login VALUES (1)')
    await expect(loadCofacering(other.superuser)).rejects.toThrow('nothing was changed')
    expect(await query(other.superuser, 'SELECT id FROM login')).toEqual([{ id: 1 }])
  })

  it('lets the reader see the views and nothing else', async () => {
    const logins = await query(cofacering.reader, 'SELECT * FROM directory_login LIMIT 1')
    expect(Object.keys(logins[0] ?? {}).toSorted()).toEqual(
      [
        'account',
        'company',
        'contract',
        'disabled',
        'known_domains',
        'login',
        'login_key',
        'password_hash',
        'shared',
      ].toSorted(),
    )
    expect(
      await query(cofacering.reader, 'SELECT contact_email FROM directory_contract LIMIT 1'),
    ).toHaveLength(1)
    for (const [kind, names] of Object.entries(columns)) {
      const [row] = await query(cofacering.reader, `SELECT ${names.join(', ')} FROM transfer_${kind} LIMIT 1`)
      expect([kind, Object.keys(row ?? {})]).toEqual([kind, names])
    }
    for (const forbidden of [
      'SELECT * FROM login',
      'SELECT * FROM portfolio',
      'SELECT * FROM message',
      'SELECT * FROM contract_change',
      `UPDATE transfer_contracts SET company = 'mine'`,
      'DELETE FROM transfer_changes',
      'SELECT * FROM contract',
      'SELECT * FROM person',
      'SELECT * FROM sample_fingerprint',
      'UPDATE login SET disabled = true',
      'DELETE FROM directory_contract',
      'CREATE TABLE mine (id int)',
    ])
      expect([forbidden, await failure(cofacering.reader, forbidden)]).toEqual([forbidden, '42501'])
  })

  it('notes the moment of every change of a contract, a removal too, and of both contracts of what moves', async () => {
    const client = new pg.Client({ connectionString: cofacering.superuser })
    await client.connect()
    const [a, b] = (
      await client.query<{ id: string; login: string; message: string }>(
        `SELECT c.id, min(l.id) AS login, min(m.id) AS message FROM contract c JOIN login l ON l.contract_id = c.id
           JOIN message m ON m.login_id = l.id JOIN attachment ON message_id = m.id
          GROUP BY 1 ORDER BY count(*) DESC LIMIT 2`,
      )
    ).rows
    const changes: [string, string[]][] = [
      [`UPDATE contract SET company = company || '!' WHERE id = '${a!.id}'`, [a!.id]],
      [`DELETE FROM portfolio WHERE contract_id = '${a!.id}'`, [a!.id]],
      [`DELETE FROM monitoring WHERE contract_id = '${b!.id}'`, [b!.id]],
      [`INSERT INTO entitlement VALUES ('${a!.id}', 'report', 'more')`, [a!.id]],
      [`UPDATE price SET amount_eur = 1 WHERE contract_id IN ('${a!.id}', '${b!.id}')`, [a!.id, b!.id]],
      [
        `UPDATE contract_country SET country = 'ZZ' WHERE contract_id = '${a!.id}' AND country = 'FR'`,
        [a!.id],
      ],
      [`UPDATE login SET disabled = true WHERE id = '${a!.login}'`, [a!.id]],
      [`UPDATE message SET login_id = '${b!.login}' WHERE id = '${a!.message}'`, [a!.id, b!.id]],
      [`UPDATE attachment SET name = 'x' WHERE message_id = '${a!.message}'`, [b!.id]],
    ]
    const named = []
    await client.query('BEGIN')
    for (const [text] of changes) {
      await client.query(`UPDATE contract_change SET changed_at = '2020-01-01'`)
      await client.query(text)
      const { rows } = await client.query<{ contract: string }>(
        `SELECT contract FROM transfer_changes WHERE changed_at > '2020-01-02' ORDER BY contract`,
      )
      named.push([text, rows.map(({ contract }) => contract)])
    }
    await client.query('ROLLBACK')
    await client.end()
    expect(named).toEqual(changes.map(([text, contracts]) => [text, contracts.toSorted()]))
  })

  it('makes the key of a login as provider does, accents and wide letters included', async () => {
    const typed = ['DUPONT75', 'Élodie.GUÉRIN', 'e\u0301lodie', 'ＤＵＰＯＮＴ', 'ÎLE-DE-FRANCE', 'Œuvre', 'Ÿ']
    const client = new pg.Client({ connectionString: cofacering.superuser })
    await client.connect()
    for (const [index, login] of typed.entries()) {
      await client.query('BEGIN')
      const { rows } = await client.query<{ login_key: string }>(
        `INSERT INTO login (id, login, password_hash, contract_id, shared, disabled, created_on)
         SELECT $1, $2, 'x', min(id), false, false, '2020-01-01' FROM contract RETURNING login_key`,
        [`test-${index}`, login],
      )
      expect(rows[0]?.login_key).toBe(loginKey(login))
      await client.query('ROLLBACK')
    }
    await client.end()
    const all = await query<{ login: string; login_key: string }>(
      cofacering.superuser,
      'SELECT login, login_key FROM login',
    )
    expect(all.filter(({ login, login_key }) => loginKey(login) !== login_key)).toEqual([])
  })
})
