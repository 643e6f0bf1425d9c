/** What `people erase` says to people at a terminal. Pure. */
import type { Translate } from '../../core/text.ts'
import type { Erasure } from './people-erase.ts'

export function printErasure(t: Translate, erasure: Erasure): string {
  const { outcome, obstacles, tickets } = erasure
  const {
    requests,
    activations,
    events,
    notes,
    mails,
    mailsKept,
    sessions,
    blocksKept,
    messages,
    messagesKept,
  } = erasure
  if (outcome === 'unknown') return t('erase.unknown')
  const isSpared = outcome === 'refused' || outcome === 'kept'
  return [
    ...obstacles.map((obstacle) => t(`erase.obstacle.${obstacle.code}`, { ...obstacle })),
    ...(isSpared
      ? []
      : [
          t(outcome === 'erased' ? 'erase.done' : 'erase.would', {
            requests,
            activations,
            events,
            notes,
            mails,
            sessions,
            messages,
          }),
        ]),
    ...(mailsKept > 0 ? [t('erase.mailsKept', { count: mailsKept })] : []),
    ...(blocksKept > 0 ? [t('erase.blocksKept', { count: blocksKept })] : []),
    ...(messagesKept > 0 ? [t('erase.messagesKept', { count: messagesKept })] : []),
    ...tickets.map(({ reference, connector, externalId, url }) =>
      t('erase.ticket', { reference, where: url ?? `${connector} ${externalId ?? ''}`.trim() }),
    ),
    t(`erase.outcome.${outcome}`),
  ].join('\n')
}
