/** "The answer to your request": a refusal in the agent's words, to an address that is proved. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { deskText, factList, heading, link, paragraph, quote, renderMail } from './layout.ts'
import type { AccessRefused, Content } from './mailer.ts'
import { typedLines } from './typed.ts'

export function accessRefusedMail(
  t: Translate,
  mail: Pick<AccessRefused, 'caseReference' | 'reason' | 'stateUrl'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('accessRefusedSubject', { reference: mail.caseReference })
  const title = t('accessRefusedTitle')
  const facts = [{ name: t('factReference'), value: mail.caseReference }]
  const reason = typedLines(mail.reason)
  const question = t('accessRefusedQuestion', {
    telephone: desk.telephone,
    price: desk.price,
    hours: desk.hours[language],
  })
  return {
    subject,
    html: renderMail(t, language, {
      title,
      preheader: t('accessRefusedWhat'),
      desk,
      body: [
        paragraph(t('accessRefusedWhat')),
        factList(facts),
        ...(reason.length > 0 ? [heading(t('accessRefusedReason')), quote(reason)] : []),
        paragraph(question),
        paragraph(link(mail.stateUrl, t('accessStateButton'))),
      ],
    }),
    text: [
      title,
      '',
      t('accessRefusedWhat'),
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      ...(reason.length > 0 ? [t('accessRefusedReason'), ...reason.map((line) => `  ${line}`), ''] : []),
      question,
      '',
      t('accessStateButton'),
      mail.stateUrl,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
