/**
 * The job `warn-holder`: an agent said that the holder of a login left, and no second one has said so yet. The holder is
 * told at once, at the address that the account has at Keycloak now, that the access will be closed, and how to object.
 * If it was a mistake, or an agent's account in other hands, this mail is how it is found out in time. So the two days
 * count from the mail, however long the mail server was away.
 */
import { UpstreamError } from '../../core/errors.ts'
import { languages, type Language } from '../../core/text.ts'
import type { CaseDependencies, CaseJob } from '../cases/job.ts'
import type { User } from '../keycloak/representations.ts'

type Awaiting = { locale: Language; userId: string | null }

export const warnHolder: CaseJob = async (dependencies, id) => {
  const { pool, mailer } = dependencies
  const awaiting = await readAwaiting(dependencies, id)
  if (!awaiting || (await isWarned(dependencies, id))) return 'nothing'
  const user = awaiting.userId === null ? undefined : await dependencies.reader.getUser(awaiting.userId)
  const to = user?.email
  if (!user || to === undefined || to === '') return 'no_address'
  const addressKey = to.toLowerCase()
  return dependencies.hold(addressKey, async (checkpoint) => {
    if (await isWarned(dependencies, id)) return 'nothing'
    const { rows } = await pool.query<{ budget: string }>('SELECT ellipro.mail_budget(NULL, $1) AS budget', [
      addressKey,
    ])
    const budget = rows[0]?.budget ?? 'address_budget'
    // Not lost, only later: the budget is there again within a day.
    if (budget !== 'ok') throw new UpstreamError('mail', 0, 'retry', budget)
    const closesAt = await giveTime(dependencies, id)
    if (!closesAt) return 'nothing'
    await checkpoint('send')
    await mailer.sendHandOverWarning({
      to,
      reference: `${id}.warning`,
      language: languageOf(user) ?? awaiting.locale,
      closesAt,
    })
    await checkpoint('record')
    await pool.query(
      `INSERT INTO ellipro.mail (activation_id, kind, address_key)
       SELECT holder_id, 'hand-over-warning', $2 FROM ellipro.decision WHERE id = $1`,
      [id, addressKey],
    )
    return 'sent'
  })
}

async function readAwaiting({ pool }: CaseDependencies, id: string): Promise<Awaiting | undefined> {
  const { rows } = await pool.query<Awaiting>(
    `SELECT a.locale,
            (SELECT user_id FROM ellipro.account_holding WHERE activation_id = a.id) AS "userId"
       FROM ellipro.decision d JOIN ellipro.activation a ON a.id = d.holder_id
      WHERE d.id = $1 AND d.state = 'awaiting_second'`,
    [id],
  )
  return rows[0]
}

/** Until when the holder has time to object; `undefined`: it was decided meanwhile. */
async function giveTime({ pool }: CaseDependencies, id: string): Promise<Date | undefined> {
  // An hour less than what was said at first: a mail that leaves at once changes nothing.
  const { rows } = await pool.query<{ dueAt: Date }>(
    `UPDATE ellipro.decision SET due_at = greatest(due_at,
            now() + make_interval(hours => ellipro.setting_value('handover_hours') - 1))
      WHERE id = $1 AND state = 'awaiting_second' RETURNING due_at AS "dueAt"`,
    [id],
  )
  return rows[0]?.dueAt
}

/** Once for a holder in the time of one decision. */
async function isWarned({ pool }: CaseDependencies, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM ellipro.mail m JOIN ellipro.decision d ON d.holder_id = m.activation_id
      WHERE d.id = $1 AND m.kind = 'hand-over-warning' AND m.sent_at >= d.created_at`,
    [id],
  )
  return rowCount !== 0
}

const languageOf = (user: User): Language | undefined => {
  const chosen = (user.attributes as Record<string, string[]> | undefined)?.['locale']?.[0]
  return languages.find((language) => language === chosen)
}
