/**
 * "You already have an account": to the owner of an address that somebody wanted to activate, or that an agent opened an
 * access for. Its button leads to the page that adds the contract to the account. Pure.
 */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { button, deskText, factList, heading, link, paragraph, plainLink, renderMail } from './layout.ts'
import type { AlreadyAccount, Content } from './mailer.ts'

export function alreadyAccountMail(
  t: Translate,
  mail: Pick<AlreadyAccount, 'login' | 'company' | 'isGranted' | 'contractUrl' | 'withdrawUrl'>,
  { language, desk, portalUrl }: { language: Language; desk: Desk; portalUrl: string },
): Content {
  const { contractUrl, withdrawUrl } = mail
  const subject = t('alreadyAccountSubject')
  const facts = [
    { name: t('factLogin'), value: mail.login },
    { name: t('factCompany'), value: mail.company },
  ]
  const why = t(mail.isGranted ? 'alreadyAccountGranted' : 'alreadyAccountWhy')
  const how = t(mail.isGranted ? 'alreadyAccountAddGranted' : 'alreadyAccountAdd')
  return {
    subject,
    html: renderMail(t, language, {
      title: subject,
      preheader: t('alreadyAccountUnchanged'),
      desk,
      body: [
        paragraph(why),
        factList(facts),
        paragraph(t('alreadyAccountUnchanged')),
        heading(t('alreadyAccountYouTitle')),
        paragraph(how),
        button(contractUrl, t('alreadyAccountButton')),
        paragraph(t('alreadyAccountKept')),
        paragraph(t('alreadyAccountSignIn')),
        paragraph(link(portalUrl, t('alreadyAccountSignInLink'))),
        heading(t('notYouTitle')),
        paragraph(t('alreadyAccountNotYou')),
        paragraph(link(withdrawUrl, t('notYouLink'))),
        plainLink(t, contractUrl),
      ],
    }),
    text: [
      subject,
      '',
      why,
      '',
      ...facts.map(({ name, value }) => `${name} ${value}`),
      '',
      t('alreadyAccountUnchanged'),
      '',
      t('alreadyAccountYouTitle'),
      how,
      t('alreadyAccountButton'),
      contractUrl,
      t('alreadyAccountKept'),
      '',
      t('alreadyAccountSignIn'),
      t('alreadyAccountSignInLink'),
      portalUrl,
      '',
      t('notYouTitle'),
      t('alreadyAccountNotYou'),
      t('notYouLink'),
      withdrawUrl,
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
