/**
 * "An access was opened": to the contact of a contract, whose language nobody knows: French, then English. Pure.
 */
import { html } from 'hono/html'
import type { Desk } from '../../core/desk.ts'
import { languages, type Language, type Translate } from '../../core/text.ts'
import { deskText, factList, heading, paragraph, renderMail, type Html } from './layout.ts'
import type { ContactNotice, Content } from './mailer.ts'

export function contactNoticeMail(
  texts: Record<Language, Translate>,
  mail: Pick<ContactNotice, 'contactName' | 'login' | 'company' | 'contract' | 'address'>,
  desk: Desk,
): Content {
  const [first] = languages
  const subject = texts[first]('contactNoticeSubject', { company: mail.company })
  const parts = languages.map((language) => {
    const t = texts[language]
    const name = mail.contactName
    return {
      language,
      title: t('contactNoticeSubject', { company: mail.company }),
      greeting: name === '' ? t('greeting') : t('greetingName', { name }),
      facts: [
        { name: t('factLogin'), value: mail.login },
        { name: t('factContract'), value: mail.contract },
        { name: t('factAddress'), value: mail.address },
      ],
      t,
    }
  })
  const section = ({ language, title, greeting, facts, t }: (typeof parts)[number]): Html => {
    const body = [
      ...(language === first ? [] : [heading(title)]),
      paragraph(greeting),
      paragraph(t('contactNoticeWhat')),
      factList(facts),
      paragraph(t('contactNoticeKept')),
      paragraph(t('contactNoticeNothing')),
      paragraph(t('contactNoticeUnexpected', { telephone: desk.telephone, email: desk.email })),
    ]
    return html`<div lang="${language}">${body}</div>`
  }
  return {
    subject,
    html: renderMail(texts[first], first, {
      title: subject,
      preheader: texts[first]('contactNoticeNothing'),
      desk,
      body: parts.map(section),
    }),
    text: [
      ...parts.flatMap(({ title, greeting, facts, t }) => [
        title,
        '',
        greeting,
        t('contactNoticeWhat'),
        '',
        ...facts.map(({ name, value }) => `${name} ${value}`),
        '',
        t('contactNoticeKept'),
        t('contactNoticeNothing'),
        t('contactNoticeUnexpected', { telephone: desk.telephone, email: desk.email }),
        '',
      ]),
      '--',
      deskText(texts[first], first, desk),
      '',
    ].join('\n'),
  }
}
