/** "Your request has been received": to an address that is proved. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import {
  button,
  deskText,
  factList,
  heading,
  orderedList,
  paragraph,
  plainLink,
  renderMail,
} from './layout.ts'
import type { AccessAcknowledged, Content } from './mailer.ts'

export function accessAcknowledgedMail(
  t: Translate,
  mail: Pick<AccessAcknowledged, 'caseReference' | 'stateUrl'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('accessAcknowledgedSubject', { reference: mail.caseReference })
  const title = t('accessAcknowledgedTitle')
  const hours = desk.hours[language]
  const facts = [{ name: t('factReference'), value: mail.caseReference }]
  const next = [
    t('accessAcknowledgedDesk', { hours }),
    t('accessAcknowledgedAnswer'),
    t('accessAcknowledgedPassword'),
  ]
  const question = t('accessAcknowledgedQuestion', { telephone: desk.telephone, price: desk.price, hours })
  return {
    subject,
    html: renderMail(t, language, {
      title,
      preheader: t('accessAcknowledgedWhat'),
      desk,
      body: [
        paragraph(t('accessAcknowledgedWhat')),
        factList(facts),
        heading(t('nextTitle')),
        orderedList(next),
        button(mail.stateUrl, t('accessStateButton')),
        paragraph(question),
        plainLink(t, mail.stateUrl),
      ],
    }),
    text: [
      title,
      '',
      t('accessAcknowledgedWhat'),
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      t('nextTitle'),
      ...next.map((item, index) => `${index + 1}. ${item}`),
      '',
      t('accessStateButton'),
      mail.stateUrl,
      '',
      question,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
