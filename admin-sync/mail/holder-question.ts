/** "Do you know these people?": to the holder of a login. The names were typed by others. Pure. */
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'
import { button, deskText, factList, paragraph, plainLink, renderMail } from './layout.ts'
import type { Content, HolderQuestion } from './mailer.ts'
import { typedLine } from './typed.ts'

/** More people than this are a number: the page shows them all. */
const shownAtMost = 20

export function holderQuestionMail(
  t: Translate,
  mail: Pick<HolderQuestion, 'login' | 'company' | 'people' | 'answerUrl'>,
  { language, desk }: { language: Language; desk: Desk },
): Content {
  const count = mail.people.length
  const subject = t('holderQuestionSubject')
  const title = t('holderQuestionTitle', { count })
  const login = [
    { name: t('factLogin'), value: mail.login },
    { name: t('factCompany'), value: mail.company },
  ]
  const people = mail.people.slice(0, shownAtMost).map(({ name, domain }) => ({
    name: t('factPerson'),
    value: t('holderQuestionPerson', {
      name: name === undefined ? t('holderQuestionNoName') : typedLine(name),
      domain: typedLine(domain),
    }),
  }))
  const more = count > shownAtMost ? [t('holderQuestionMore', { count: count - shownAtMost })] : []
  return {
    subject,
    html: renderMail(t, language, {
      title,
      preheader: t('holderQuestionPurpose'),
      desk,
      body: [
        paragraph(t('holderQuestionWhat', { count })),
        factList(login),
        factList(people),
        ...more.map(paragraph),
        paragraph(t('holderQuestionPurpose')),
        button(mail.answerUrl, t('holderQuestionButton')),
        paragraph(t('holderQuestionUnchanged')),
        plainLink(t, mail.answerUrl),
      ],
    }),
    text: [
      title,
      '',
      t('holderQuestionWhat', { count }),
      '',
      ...[...login, ...people].map(({ name, value }) => `${name} ${value}`),
      ...more,
      '',
      t('holderQuestionPurpose'),
      '',
      t('holderQuestionButton'),
      mail.answerUrl,
      '',
      t('holderQuestionUnchanged'),
      '',
      '--',
      deskText(t, language, desk),
      '',
    ].join('\n'),
  }
}
