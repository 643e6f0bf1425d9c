/**
 * The matrix of invariant 12 as a table: where one of our processes is held (test/support/entries), at which step of an
 * activation that is, and what is killed meanwhile. A cell is one checkpoint and one victim.
 *
 * The steps are those of docs/architecture.md, "The path of a person". Between two checkpoints of a process nothing
 * happens that lasts.
 */
export type Victim = 'provider' | 'adminSync' | 'postgres' | 'keycloak' | 'mail'
export type Row = {
  step: number
  checkpoint: string
  /** The process that is held, and what it has or has not done by then. */
  where: string
  /** Killed beside provider, admin-sync and PostgreSQL. */
  also?: Victim
}

export const rows: readonly Row[] = [
  {
    step: 1,
    checkpoint: 'after:Interaction.kept',
    where: 'provider: the interaction is kept, the answer not sent',
  },
  { step: 2, checkpoint: 'before:directory', where: 'provider: the legacy directory is about to be asked' },
  {
    step: 2,
    checkpoint: 'after:legacy_sign_in',
    where: 'provider: the directory said yes, and it is remembered',
  },
  { step: 3, checkpoint: 'before:start_activation', where: 'provider: the form is here, nothing is written' },
  {
    step: 3,
    checkpoint: 'after:start_activation',
    where: 'provider: the activation is written, the answer not sent',
  },

  {
    step: 4,
    checkpoint: 'before:commit.outbox',
    where: 'admin-sync: the row is taken and the job made, not committed',
  },
  { step: 4, checkpoint: 'after:commit.outbox', where: 'admin-sync: the job is there' },
  {
    step: 4,
    checkpoint: 'before:keycloak.create-user',
    where: 'admin-sync: the record stands, the user does not',
  },
  {
    step: 4,
    checkpoint: 'after:keycloak.create-user',
    where: 'admin-sync: the user is made, its id not written down',
  },
  {
    step: 4,
    checkpoint: 'before:keycloak.mail',
    where: 'admin-sync: the codes are stored, the mail not asked for',
    also: 'mail',
  },
  {
    step: 4,
    checkpoint: 'after:keycloak.mail',
    where: 'admin-sync: the mail has left, the ledger does not say so',
    also: 'mail',
  },
  {
    step: 4,
    checkpoint: 'after:commit.mailed',
    where: 'admin-sync: state and ledger say so, the job does not',
  },
  { step: 4, checkpoint: 'after:done.send-confirmation', where: 'admin-sync: the job has ended' },

  { step: 5, checkpoint: 'before:link_view', where: 'provider: the link of the mail is being looked at' },
  {
    step: 5,
    checkpoint: 'before:confirm_activation',
    where: 'provider: k and password are here, nothing is compared',
  },
  {
    step: 5,
    checkpoint: 'after:confirm_activation',
    where: 'provider: it is confirmed, the answer not sent',
    also: 'keycloak',
  },

  { step: 6, checkpoint: 'delete-links', where: 'admin-sync: open-account has looked, and written nothing' },
  { step: 6, checkpoint: 'link', where: 'admin-sync: password and attributes are written' },
  { step: 6, checkpoint: 'after:keycloak.link', where: 'admin-sync: the link is written', also: 'keycloak' },
  { step: 6, checkpoint: 'mark-opened', where: 'admin-sync: the user is in order, our tables do not say so' },
  {
    step: 6,
    checkpoint: 'before:commit.opened',
    where: 'admin-sync: state, secrets and the jobs that follow, not committed',
  },
  { step: 6, checkpoint: 'after:commit.opened', where: 'admin-sync: opened, and the job has not ended' },
  { step: 6, checkpoint: 'notice.send', where: "admin-sync: the contact's mail has not left", also: 'mail' },
  {
    step: 6,
    checkpoint: 'before:noticed',
    where: "admin-sync: the contact's mail has left, the ledger does not say so",
  },

  { step: 7, checkpoint: 'after:mint_proof', where: 'provider: the proof is stored, the browser has none' },
  {
    step: 7,
    checkpoint: 'after:take_proof',
    where: 'provider: the proof is used, the request not answered',
  },
  {
    step: 7,
    checkpoint: 'after:AuthorizationCode.kept',
    where: 'provider: the code is stored, the browser has none',
  },
  {
    step: 7,
    checkpoint: 'after:AuthorizationCode.consumed',
    where: 'provider: the code is used, Keycloak has no token',
  },
  {
    step: 8,
    checkpoint: 'before:redeem',
    where: "provider: Keycloak's code is here, not redeemed",
    also: 'keycloak',
  },
  {
    step: 8,
    checkpoint: 'after:record_sign_in',
    where: 'provider: the sign-in is recorded, the answer not sent',
  },

  { step: 9, checkpoint: 'before:keycloak.unlink', where: 'admin-sync: the link is about to go' },
  {
    step: 9,
    checkpoint: 'after:keycloak.unlink',
    where: 'admin-sync: the link is gone, our tables do not say so',
  },
  {
    step: 9,
    checkpoint: 'after:commit.unlinked',
    where: 'admin-sync: it is unlinked, and the job has not ended',
  },
]

export type Cell = Row & { victim: Victim }

export const cells: readonly Cell[] = rows.flatMap((row) =>
  (['provider', 'adminSync', 'postgres', ...(row.also ? [row.also] : [])] as const).map((victim) => ({
    ...row,
    victim,
  })),
)
