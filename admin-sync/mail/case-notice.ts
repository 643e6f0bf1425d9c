/**
 * "Accounts were asked for, or opened": to the contact of a contract, whose language nobody knows: French, then
 * English. Addresses are masked and nobody is named: the mailbox is unproven. Pure.
 */
import { html } from 'hono/html'
import type { Desk } from '../../core/desk.ts'
import { languages, type Language, type Translate } from '../../core/text.ts'
import { deskText, factList, heading, paragraph, renderMail, type Fact, type Html } from './layout.ts'
import type { CaseNotice, Content } from './mailer.ts'

export function caseNoticeMail(
  texts: Record<Language, Translate>,
  mail: Pick<CaseNotice, 'contactName' | 'login' | 'company' | 'contract' | 'asked' | 'opened'>,
  desk: Desk,
): Content {
  const [first] = languages
  const parts = languages.map((language) => describePart(texts[language], language, mail, desk))
  const subject = titleOf(texts[first], mail)
  const section = (part: Part): Html => {
    const body = [
      ...(part.language === first ? [] : [heading(part.title)]),
      paragraph(part.greeting),
      paragraph(part.what),
      factList(part.login),
      ...part.lists.flatMap(({ title, facts }) => [heading(title), factList(facts)]),
      ...part.after.map(paragraph),
    ]
    return html`<div lang="${part.language}">${body}</div>`
  }
  return {
    subject,
    html: renderMail(texts[first], first, {
      title: subject,
      preheader: texts[first]('caseNoticeDesk'),
      desk,
      body: parts.map(section),
    }),
    text: [
      ...parts.flatMap((part) => [
        part.title,
        '',
        part.greeting,
        part.what,
        '',
        ...part.login.map(line),
        ...part.lists.flatMap(({ title, facts }) => ['', title, ...facts.map(line)]),
        '',
        ...part.after,
        '',
      ]),
      '--',
      deskText(texts[first], first, desk),
      '',
    ].join('\n'),
  }
}

type Part = ReturnType<typeof describePart>

function describePart(
  t: Translate,
  language: Language,
  { contactName, login, company, contract, asked, opened }: Parameters<typeof caseNoticeMail>[1],
  { telephone, email }: Desk,
) {
  const addresses = (list: readonly string[]): Fact[] =>
    list.map((value) => ({ name: t('factAddress'), value }))
  return {
    language,
    title: titleOf(t, { company, asked }),
    greeting: contactName === '' ? t('greeting') : t('greetingName', { name: contactName }),
    what: t('caseNoticeWhat'),
    login: [
      { name: t('factLogin'), value: login },
      { name: t('factContract'), value: contract },
    ],
    lists: [
      { title: t('caseNoticeAsked', { count: asked.length }), facts: addresses(asked) },
      { title: t('caseNoticeOpened', { count: opened.length }), facts: addresses(opened) },
    ].filter(({ facts }) => facts.length > 0),
    after: [...(asked.length > 0 ? [t('caseNoticeDesk')] : []), t('caseNoticeNothing', { telephone, email })],
  }
}

const titleOf = (t: Translate, { company, asked }: Pick<CaseNotice, 'company' | 'asked'>): string =>
  t(asked.length > 0 ? 'caseNoticeSubject' : 'caseNoticeSubjectOpened', { company })

const line = ({ name, value }: Fact) => `${name} ${value}`
