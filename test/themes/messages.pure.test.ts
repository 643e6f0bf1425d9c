/** The theme's words: both languages complete, written as MessageFormat wants them, and in our vocabulary. */
import { describe, expect, test } from 'vitest'
import { describeTexts } from '../../admin-sync/realm/texts.ts'
import { loadTexts } from '../../core/text.ts'
import { readMessages, readTemplates } from './properties.ts'

const realmTexts = ['deskTelephone', 'deskTelephonePrice', 'deskEmail', 'deskHours', 'activationUrl']

const plain = (text: string | undefined) => text?.replaceAll(/\s/g, ' ').trim()
const parametersOf = (text: string) => [...new Set(text.match(/\{\d/g))].toSorted()

describe.each(['login', 'email'] as const)('the texts of %s', (part) => {
  const french = readMessages(part, 'fr')
  const english = readMessages(part, 'en')

  test('are the same keys in both languages', () => {
    expect([...french.keys()].toSorted()).toEqual([...english.keys()].toSorted())
  })

  test('take the same parameters in both languages', () => {
    for (const [key, text] of french) {
      expect({ key, parameters: parametersOf(text) }).toEqual({
        key,
        parameters: parametersOf(english.get(key) ?? ''),
      })
    }
  })

  test.each([
    ['fr', french],
    ['en', english],
  ] as const)(
    'have no straight apostrophe in %s, which MessageFormat would swallow',
    (_language, messages) => {
      expect([...messages].filter(([, text]) => text.includes("'"))).toEqual([])
    },
  )

  test('say e-mail, never courriel', () => {
    expect([...french].filter(([, text]) => /courriel(?!s indésirables)/i.test(text))).toEqual([])
  })

  test('keep e‑mail on one line in a title of a page', () => {
    const texts = part === 'login' ? [...french, ...english] : []
    const titles = texts.filter(([key]) => /(Title|Header)$/.test(key))
    expect(titles.filter(([, title]) => title.includes('e-mail'))).toEqual([])
  })

  test('keep French punctuation on the line of its word', () => {
    expect([...french].filter(([, text]) => / [?!;:»€]|« /.test(text))).toEqual([])
  })

  test('hold every key of ours that a template asks for, and no other', () => {
    const templates = readTemplates(part)
    const literals = new Set(templates.match(/\bell[A-Z]\w*/g))
    const own = [...french.keys()].filter((key) => /^ell[A-Z]/.test(key))
    const isAsked = (key: string) => literals.has(key) || literals.has(key.split('.')[0] ?? '')
    expect(own.filter((key) => !isAsked(key))).toEqual([])
    expect([...literals].filter((key) => !own.some((o) => o === key || o.startsWith(`${key}.`)))).toEqual([])
  })

  test('leave the texts of the realm to the realm', () => {
    expect(realmTexts.filter((key) => french.has(key) || english.has(key))).toEqual([])
  })
})

describe.each(['fr', 'en'] as const)(
  'a person who crosses between provider and Keycloak in %s',
  (language) => {
    const provider = loadTexts(new URL('../../provider/text/', import.meta.url))[language]
    const ours = loadTexts(new URL('../../admin-sync/text/', import.meta.url))[language]

    test.each([
      ['layout.skip', 'ellSkip'],
      ['layout.language', 'languages'],
      ['layout.steps', 'ellSteps'],
      ['layout.step.details', 'ellStep.details'],
      ['layout.step.mailbox', 'ellStep.mailbox'],
      ['layout.step.password', 'ellStep.password'],
      ['layout.step.ellipro', 'ellStep.ellipro'],
      ['layout.step.done', 'ellStepDone'],
      ['form.error_prefix', 'ellErrorPrefix'],
      ['form.show', 'ellShow'],
      ['form.hide', 'ellHide'],
      ['form.password_show', 'showPassword'],
      ['form.password_hide', 'hidePassword'],
      ['desk.help', 'ellDeskTitle'],
      ['desk.name', 'ellDeskName'],
    ])('meets one wording of %s', (key, keycloaks) => {
      expect(plain(readMessages('login', language).get(keycloaks))).toBe(plain(provider(key)))
    })

    test('meets one name of the desk in mails too, Keycloak’s and ours', () => {
      expect(plain(readMessages('email', language).get('ellDeskName'))).toBe(plain(provider('desk.name')))
      expect(plain(ours('deskName'))).toBe(plain(provider('desk.name')))
    })

    test.each([
      ['notYouTitle', 'ellNotMeTitle'],
      ['notYouLink', 'ellActivationWithdraw'],
      ['neverAsk', 'ellNeverAsk'],
      ['plainLink', 'ellPlainLink'],
      ['factLogin', 'ellActivationLogin'],
      ['factCompany', 'ellActivationCompany'],
    ])('meets one wording of %s in the mails of Keycloak and in ours', (key, keycloaks) => {
      expect(plain(readMessages('email', language).get(keycloaks))).toBe(plain(ours(key)))
    })

    test.each(['accountPending', 'cofaceringNotLinked'])(
      'is refused (%s) as the theme would say it',
      (key) => {
        const desk = {
          telephone: '1',
          price: 'p',
          email: 'desk@ellipro.example',
          hours: { fr: 'h', en: 'h' },
          helpUrl: 'https://cofacering.example/help',
        }
        const realm = describeTexts({ desk, providerUrl: 'https://provider.example' }, language)
        expect(realm[key]).toBe(readMessages('login', language).get(key))
      },
    )
  },
)
