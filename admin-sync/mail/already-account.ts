/** "You already have an account": to the owner of an address that somebody wanted to activate. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { button, deskText, factList, heading, link, paragraph, plainLink, renderMail } from './layout.ts'
import type { AlreadyAccount, Content } from './mailer.ts'

export function alreadyAccountMail(
  t: Translate,
  mail: Pick<AlreadyAccount, 'login' | 'company' | 'withdrawUrl'>,
  { language, desk, portalUrl }: { language: Language; desk: Desk; portalUrl: string },
): Content {
  const subject = t('alreadyAccountSubject')
  const facts = [
    { name: t('factLogin'), value: mail.login },
    { name: t('factCompany'), value: mail.company },
  ]
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('alreadyAccountUnchanged'),
      desk,
      body: [
        paragraph(t('alreadyAccountWhy')),
        factList(facts),
        paragraph(t('alreadyAccountUnchanged')),
        heading(t('alreadyAccountYouTitle')),
        paragraph(t('alreadyAccountYou')),
        button(portalUrl, t('alreadyAccountButton')),
        heading(t('notYouTitle')),
        paragraph(t('alreadyAccountNotYou')),
        paragraph(link(mail.withdrawUrl, t('notYouLink'))),
        plainLink(t, portalUrl),
      ],
    }),
    text: [
      subject,
      '',
      t('alreadyAccountWhy'),
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      t('alreadyAccountUnchanged'),
      '',
      t('alreadyAccountYouTitle'),
      t('alreadyAccountYou'),
      portalUrl,
      '',
      t('notYouTitle'),
      t('alreadyAccountNotYou'),
      t('notYouLink'),
      mail.withdrawUrl,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
