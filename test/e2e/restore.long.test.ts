/**
 * Back-up and restore as docs/operations.md says it, on servers of this file's own: both databases at one moment, from a
 * copy that was made while everything ran; then what happens when only one of them goes back.
 *
 * The copy is what pg_basebackup does, step by step (pg_backup_start, files, pg_backup_stop): the PostgreSQL that comes
 * with this project has no client programs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import type { Part } from '../support/product.ts'
import { startBrowser } from '../support/browser.ts'
import { startOwnServers } from '../support/own-servers.ts'
import { startProduct } from '../support/product.ts'
import {
  chosenPassword,
  confirmPassword,
  expectPage,
  expectSignedIn,
  fillRedirection,
  finishActivation,
  openConfirmationLink,
  openDoor,
  sample,
  signInAtKeycloak,
  signInToCofacering,
  startActivation,
} from './journey.ts'

const servers = await startOwnServers({ keycloak: true })
const { postgres, keycloak } = servers
if (!keycloak) throw new Error('no Keycloak of our own')
const product = await startProduct({ SIGN_IN_DEADLINE_MS: '50' }, { servers })
const { database, inbox, urls } = product
const browser = await startBrowser()
const backup = mkdtempSync(join(tmpdir(), 'ellipro-backup-'))
afterAll(() => rmSync(backup, { recursive: true, force: true }))
const ours: Part[] = ['provider', 'adminSync']

async function asSuperuser<T>(work: (client: pg.Client) => Promise<T>, url = postgres.url): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
const stateOf = (address: string) =>
  asSuperuser(async (client) => {
    const { rows } = await client.query<{ state: string }>(
      'SELECT state FROM ellipro.activation WHERE address_key = $1 ORDER BY created_at DESC LIMIT 1',
      [address],
    )
    return rows[0]?.state
  }, database.superuser)

/** As pg_basebackup: the files as they change, and the log of the changes meanwhile. @returns the data directory */
async function backUp(to: string): Promise<string> {
  return asSuperuser(async (client) => {
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    const data = rows[0]?.data_directory ?? ''
    await client.query(`SELECT pg_backup_start('restore test', true)`)
    // cp keeps going when a file vanishes meanwhile, which a running server's may.
    execFileSync('cp', ['-a', `${data}/.`, to])
    const stopped = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)')
    writeFileSync(join(to, 'backup_label'), stopped.rows[0]?.labelfile ?? '')
    execFileSync('cp', ['-a', `${data}/pg_wal/.`, join(to, 'pg_wal')])
    rmSync(join(to, 'postmaster.pid'), { force: true })
    return data
  })
}

async function person() {
  const opened = await browser.open('fr-FR')
  return { ...opened, close: () => opened.context.close() }
}
async function signsInByEmail(address: string): Promise<void> {
  const { page, close } = await person()
  await page.goto(urls.portal)
  await page.click('#sign-in')
  await signInAtKeycloak(page, address, chosenPassword)
  await expectSignedIn(page, urls.portal, address)
  await close()
}

test('copied while it runs, destroyed, restored: an opened account signs in, an activation in flight is finished', async () => {
  const [early, flying, late] = ['early@client.example', 'flying@client.example', 'late@client.example']
  const first = await person()
  await startActivation(first.page, product, { door: 'own', login: 'transports.lefevre', address: early })
  await finishActivation(first.page, product, early)
  await first.close()
  const second = await person()
  await startActivation(second.page, product, { door: 'brokered', login: 'cabinet.moreau', address: flying })
  const mail = await inbox.waitForMail(flying)

  const data = await backUp(backup)

  const third = await person()
  await startActivation(third.page, product, { door: 'own', login: 'scierie.haut-jura', address: late })
  await finishActivation(third.page, product, late)
  await third.close()

  for (const part of ours) await product.stop(part)
  await keycloak.kill()
  await postgres.kill()
  execFileSync('sh', ['-c', 'rm -rf "$1"/*', 'sh', data])
  execFileSync('cp', ['-a', `${backup}/.`, data])
  await postgres.start()
  await keycloak.start()
  for (const part of ours) await product.start(part)

  expect([await stateOf(early), await stateOf(flying), await stateOf(late)]).toEqual([
    'opened',
    'mailed',
    undefined,
  ])
  await signsInByEmail(early)
  await second.page.reload()
  await expectPage(second.page, 'sent')
  await openConfirmationLink(second.page, mail)
  await confirmPassword(second.page)
  await expectSignedIn(second.page, urls.portal, flying)
  await second.close()
  expect(inbox.mails.filter(({ to }) => to.includes(flying))).toHaveLength(1)

  // Whoever came after the copy was made starts again, as if they had not come.
  const again = await person()
  await startActivation(again.page, product, { door: 'own', login: 'scierie.haut-jura', address: late })
  const mails = inbox.mails.filter(({ to }) => to.includes(late))
  const fresh = await inbox.waitForMail(late, (one) => !mails.slice(0, 1).includes(one))
  await openConfirmationLink(again.page, fresh)
  await confirmPassword(again.page)
  await expectSignedIn(again.page, urls.portal, late)
  await again.close()
})

test('only database ellipro goes back: an account opened since stays, is not deleted, and its person signs in', async () => {
  const address = 'since@client.example'
  const one = await person()
  await startActivation(one.page, product, { door: 'own', login: 'negoce.atlantique', address })
  const mail = await inbox.waitForMail(address)
  for (const part of ours) await product.stop(part)
  await asSuperuser((client) => client.query(`CREATE DATABASE older TEMPLATE ${database.name}`))
  for (const part of ours) await product.start(part)
  await openConfirmationLink(one.page, mail)
  await confirmPassword(one.page)
  await expectSignedIn(one.page, urls.portal, address)
  for (const part of ours) await product.stop(part)
  await asSuperuser(async (client) => {
    await client.query(`DROP DATABASE ${database.name} WITH (FORCE)`)
    await client.query(`ALTER DATABASE older RENAME TO ${database.name}`)
    // Rights on a database itself are not part of its copy (docs/operations.md: database bootstrap).
    await client.query(`GRANT CONNECT ON DATABASE ${database.name} TO ellipro_sync, ellipro_provider`)
    await client.query(`ALTER DATABASE ${database.name} OWNER TO ellipro_owner`)
  })
  for (const part of ours) await product.start(part)
  expect(await stateOf(address)).toBe('mailed')
  await signsInByEmail(address)

  // Its hours go by; the purge, which deletes users that never opened, leaves this one.
  await asSuperuser(
    (client) =>
      client.query(
        `UPDATE ellipro.activation SET expires_at = now() - interval '1 minute' WHERE address_key = $1`,
        [address],
      ),
    database.superuser,
  )
  await product.stop('adminSync')
  const purged = await purge()
  expect(purged).toMatchObject({ expired: 1, deletedUsers: 0, leftUsers: 1 })
  await signsInByEmail(address)

  // The login looks unused: the same address is told of its account, by mail and not by the page.
  await product.start('adminSync')
  const back = await person()
  await openDoor(back.page, product, 'own')
  await signInToCofacering(back.page, sample('negoce.atlantique'))
  await fillRedirection(back.page, address)
  await expectPage(back.page, 'sent')
  await inbox.waitForMail(address, ({ subject }) => subject.includes('déjà un accès'))
  await back.close()
  await one.close()
})

/** The job of the night, now. */
async function purge(): Promise<object> {
  const { createDependencies } = await import('../../admin-sync/dependencies.ts')
  const { readAdminSyncConfig } = await import('../../admin-sync/config.ts')
  const { purgeExpired } = await import('../../admin-sync/accounts/purge-expired.ts')
  const { processEnvironments } = await import('../../dev/environment.ts')
  const { createLog } = await import('../../core/log.ts')
  const log = createLog('test', 'silent')
  const pool = new pg.Pool({ connectionString: database.sync, max: 2 })
  const config = readAdminSyncConfig(processEnvironments(product.installation).adminSync)
  const { work, close } = createDependencies(config, log, pool, async () => undefined)
  try {
    return await purgeExpired({
      ...work,
      holdAddress: (key, run) => work.locks.hold(key, () => run(async () => undefined)),
    })
  } finally {
    await close()
    await pool.end()
  }
}
