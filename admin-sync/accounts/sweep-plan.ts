/** What the sweep concludes from what it has read. Pure. */

/** An account of our record; `activation` opened it. */
export type OpenedAccount = { activation: string; userId: string }

/** A user that has a link to our OP, and the subject of the link. */
export type Link = { userId: string; subject: string }

/** What our record says of a linked user: which activation opened it, and whether the link should be gone by now. */
export type LinkRecord = { userId: string; activation: string | null; overdue: boolean }

export type LeftLink = { user: string; activation: string | undefined }

/** Users that may come or go while a pass reads: more than that is no traffic. */
const tolerated = (total: number): number => Math.max(10, Math.ceil(total / 100))

/**
 * Whether the list may be taken for all users: it holds as many as were counted before it and after it, and these two
 * agree. A user more or less is traffic, and an absent one is asked for by id before anything follows from it.
 */
export function isComplete({
  before,
  read,
  after,
}: {
  before: number
  read: number
  after: number
}): boolean {
  return after >= before - tolerated(before) && read >= Math.min(before, after) - tolerated(before)
}

export const findAbsent = (
  opened: readonly OpenedAccount[],
  present: ReadonlySet<string>,
): readonly OpenedAccount[] => opened.filter(({ userId }) => !present.has(userId))

/** The users of each subject that more than one has (invariant 3). */
export function findSharedSubjects(links: readonly Link[]): string[][] {
  return [...Map.groupBy(links, ({ subject }) => subject).values()]
    .map((same) => [...new Set(same.map(({ userId }) => userId))].toSorted())
    .filter((users) => users.length > 1)
}

/** Links that should be gone. One on a user that we did not make was made by somebody else, and has no business there. */
export function findLeftLinks(links: readonly Link[], records: readonly LinkRecord[]): LeftLink[] {
  return links.flatMap(({ userId }) => {
    const record = records.find((one) => one.userId === userId)
    return record && !record.overdue ? [] : [{ user: userId, activation: record?.activation ?? undefined }]
  })
}
