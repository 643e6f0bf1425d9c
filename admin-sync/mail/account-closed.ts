/** "Your access has been closed": to somebody who holds a login no longer. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { deskText, heading, paragraph, renderMail } from './layout.ts'
import type { Content } from './mailer.ts'

export function accountClosedMail(
  t: Translate,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('accountClosedSubject')
  const object = t('accountClosedObject', { telephone: desk.telephone, email: desk.email })
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('accountClosedWhat'),
      desk,
      body: [
        paragraph(t('accountClosedWhat')),
        paragraph(t('accountClosedKept')),
        heading(t('accountClosedObjectTitle')),
        paragraph(object),
      ],
    }),
    text: [
      subject,
      '',
      t('accountClosedWhat'),
      t('accountClosedKept'),
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
