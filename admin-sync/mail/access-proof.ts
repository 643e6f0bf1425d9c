/** "Confirm your request for an account": to an address that nobody has proved. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { button, deskText, factList, heading, link, paragraph, plainLink, renderMail } from './layout.ts'
import type { AccessProof, Content } from './mailer.ts'

export function accessProofMail(
  t: Translate,
  mail: Pick<AccessProof, 'login' | 'company' | 'hoursLeft' | 'proofUrl' | 'withdrawUrl'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const subject = t('accessProofSubject')
  const facts = [
    { name: t('factLogin'), value: mail.login },
    { name: t('factCompany'), value: mail.company },
  ]
  const valid = t('accessProofValid', { hours: mail.hoursLeft })
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('accessProofDo'),
      desk,
      body: [
        paragraph(t('accessProofWhy')),
        factList(facts),
        paragraph(t('accessProofDo')),
        button(mail.proofUrl, t('accessProofButton')),
        paragraph(valid),
        heading(t('notYouTitle')),
        paragraph(t('accessProofNotYou')),
        paragraph(link(mail.withdrawUrl, t('notYouLink'))),
        plainLink(t, mail.proofUrl),
      ],
    }),
    text: [
      subject,
      '',
      t('accessProofWhy'),
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      t('accessProofDo'),
      mail.proofUrl,
      valid,
      '',
      t('notYouTitle'),
      t('accessProofNotYou'),
      t('notYouLink'),
      mail.withdrawUrl,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
