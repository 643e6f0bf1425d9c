/** "Your e-mail address has been changed": to the address that it was before. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { deskText, factList, heading, paragraph, renderMail } from './layout.ts'
import type { AddressChanged, Content } from './mailer.ts'

const timeZone = 'Europe/Paris'

export function addressChangedMail(
  t: Translate,
  mail: Pick<AddressChanged, 'newAddress' | 'at'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('addressChangedSubject')
  const when = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', {
    dateStyle: 'full',
    timeStyle: 'short',
    timeZone,
  }).format(mail.at)
  const facts = [
    { name: t('factNewAddress'), value: mail.newAddress },
    { name: t('factWhen'), value: t('parisTime', { when }) },
  ]
  const object = t('addressChangedObject', { telephone: desk.telephone, email: desk.email })
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('addressChangedExpected'),
      desk,
      body: [
        paragraph(t('addressChangedWhat')),
        factList(facts),
        paragraph(t('addressChangedExpected')),
        heading(t('notYouTitle')),
        paragraph(object),
      ],
    }),
    text: [
      subject,
      '',
      t('addressChangedWhat'),
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      t('addressChangedExpected'),
      '',
      t('notYouTitle'),
      object,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
