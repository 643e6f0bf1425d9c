/** "Your access will be closed": to the holder of a login of whom an agent said that they left. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { deskText, heading, paragraph, renderMail } from './layout.ts'
import type { Content } from './mailer.ts'

export function handOverWarningMail(
  t: Translate,
  { closesAt }: { closesAt: Date },
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('handOverSubject')
  const when = t('handOverWhen', {
    when: new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
      dateStyle: 'full',
      timeStyle: 'short',
      timeZone: 'Europe/Paris',
    }).format(closesAt),
  })
  const object = t('handOverObject', { telephone: desk.telephone, email: desk.email })
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('handOverWhat'),
      desk,
      body: [
        paragraph(t('handOverWhat')),
        paragraph(when),
        heading(t('handOverObjectTitle')),
        paragraph(object),
        paragraph(t('handOverRight')),
      ],
    }),
    text: [
      subject,
      '',
      t('handOverWhat'),
      when,
      '',
      t('handOverObjectTitle'),
      object,
      t('handOverRight'),
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
