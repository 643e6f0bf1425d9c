/** "Your access has been closed", or has one contract less: to somebody who holds a login no longer. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { deskText, factList, heading, paragraph, renderMail } from './layout.ts'
import type { AccountClosed, Content } from './mailer.ts'

export function accountClosedMail(
  t: Translate,
  { removed }: Pick<AccountClosed, 'removed'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const [subject, what, kept] = removed
    ? [t('contractRemovedSubject'), t('contractRemovedWhat'), t('contractRemovedKept')]
    : [t('accountClosedSubject'), t('accountClosedWhat'), t('accountClosedKept')]
  const facts = removed
    ? [
        { name: t('factLogin'), value: removed.login },
        { name: t('factCompany'), value: removed.company },
      ]
    : []
  const object = t(removed ? 'contractRemovedObject' : 'accountClosedObject', {
    telephone: desk.telephone,
    email: desk.email,
  })
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: what,
      desk,
      body: [
        paragraph(what),
        ...(facts.length > 0 ? [factList(facts)] : []),
        paragraph(kept),
        heading(t('accountClosedObjectTitle')),
        paragraph(object),
      ],
    }),
    text: [
      subject,
      '',
      what,
      ...facts.map(({ name, value }) => `${name} ${value}`),
      kept,
      '',
      t('accountClosedObjectTitle'),
      object,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
