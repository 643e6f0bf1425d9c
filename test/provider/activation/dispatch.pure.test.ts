/** The dispatcher's table: every combination of who holds the login and what this browser has. */
import { expect, test } from 'vitest'
import { nextStep, pathOf, type Step } from '../../../provider/activation/dispatch.ts'
import type { LoginFacts } from '../../../provider/activation/store.ts'

const id = '0e2ba9b2-53a3-4b0f-9ae3-0d6b3fd1d2a1'
type Own = NonNullable<LoginFacts['own']>
const holder = (state: 'confirmed' | 'opened' | 'closed'): LoginFacts => ({ holder: { state, initial: 'a' } })
const own = (state: Own['state'], isHolder = false): LoginFacts => ({ own: { id, state, isHolder } })

const redirection: Step = { screen: 'redirection' }
const moved: Step = { screen: 'moved' }
const waiting: Step = { screen: 'waiting', id }
const desk: Step = { screen: 'desk' }
const sent: Step = { screen: 'sent', id }
const opening: Step = { screen: 'opening', id }

const table: [title: string, facts: LoginFacts, asksAnew: boolean, step: Step][] = [
  ['nobody has started', {}, false, redirection],
  ['nobody has started, and the person asks anew', {}, true, redirection],
  ['this browser waits for its mail', own('mailed'), false, sent],
  ['this browser waits, but another person asks', own('mailed'), true, redirection],
  ['this browser was second on the login', { ...holder('opened'), ...own('waiting') }, false, waiting],
  [
    'this browser was second, and another person asks',
    { ...holder('opened'), ...own('waiting') },
    true,
    moved,
  ],
  ['this browser waits for an agent', own('waiting'), false, waiting],
  ['this browser waits for an agent, and another person asks', own('waiting'), true, redirection],
  [
    'the account was closed, while this browser waits for an agent',
    { ...holder('closed'), ...own('waiting') },
    false,
    desk,
  ],
  ['this browser has just confirmed', { ...holder('confirmed'), ...own('confirmed', true) }, false, opening],
  [
    'this browser has just confirmed, and asks anew',
    { ...holder('confirmed'), ...own('confirmed', true) },
    true,
    opening,
  ],
  ['somebody else has just confirmed', holder('confirmed'), false, moved],
  ['somebody else has, while this browser waits', { ...holder('confirmed'), ...own('mailed') }, false, moved],
  ['somebody else has opened', holder('opened'), false, moved],
  ['somebody else has opened, and the person asks anew', holder('opened'), true, moved],
  [
    'somebody else has opened, while this browser waits',
    { ...holder('opened'), ...own('mailed') },
    false,
    moved,
  ],
  ['this very browser has opened', { ...holder('opened'), ...own('opened', true) }, false, moved],
  ['the account was closed', holder('closed'), false, desk],
  [
    'the account was closed, while this browser waits',
    { ...holder('closed'), ...own('mailed') },
    false,
    desk,
  ],
  ['the account was closed, and the person asks anew', holder('closed'), true, desk],
]

test.each(table)('%s', (_title, facts, asksAnew, step) => {
  expect(nextStep(facts, asksAnew)).toEqual(step)
})

test('a login that is held leads nobody to the redirection screen', () => {
  const started = table.filter(([, facts, asksAnew]) => nextStep(facts, asksAnew).screen === 'redirection')
  expect(started.filter(([, { holder: held }]) => held)).toEqual([])
})

test.each<[Step, string]>([
  [redirection, '/redirection'],
  [moved, '/moved'],
  [desk, '/desk'],
  [sent, `/activation/${id}`],
  [opening, `/activation/${id}/opening`],
])('the step %o has its path', (step, path) => {
  expect(pathOf(step)).toBe(path)
})
