import { describe, expect, it } from 'vitest'
import { UpstreamError } from '../../core/errors.ts'
import { createLog } from '../../core/log.ts'
import { maskAddress, maskLogin } from '../../core/mask.ts'
import { findPasswordProblem, keycloakPasswordPolicy, passwordMinLength } from '../../core/password-policy.ts'
import { chooseLanguage } from '../../core/text.ts'

describe('the language of a request', () => {
  it.each([
    [undefined, undefined, 'fr'],
    ['en', 'fr', 'en'],
    ['de en', 'fr', 'en'],
    ['de', 'en-GB,fr;q=0.5', 'en'],
    [undefined, 'de,en;q=0.4,fr;q=0.6', 'fr'],
    [undefined, 'en;q=0,fr', 'fr'],
    [undefined, '*', 'fr'],
    [undefined, ';;q=x,,', 'fr'],
  ])('ui_locales %s and Accept-Language %s give %s', (uiLocales, accept, language) => {
    expect(chooseLanguage(uiLocales, accept)).toBe(language)
  })
})

describe('a mask', () => {
  it('shows the ends of a login and hides its length', () => {
    expect(maskLogin('MARTIN01')).toBe('M•••••1')
    expect(maskLogin('MARTIN-ET-FILS-01')).toBe('M•••••1')
    expect(maskLogin('abc')).toBe('•••••')
    expect(maskLogin('')).toBe('•••••')
  })

  it('shows the domain of an address only when it is one of the contract', () => {
    expect(maskAddress('anne@client.example', ['CLIENT.example'])).toBe('a•••••@client.example')
    expect(maskAddress('anne@mail.example', ['client.example'])).toBe('a•••••@•••••.example')
  })
})

describe('the password rules', () => {
  it('are the ones that the realm is told', () => {
    expect(keycloakPasswordPolicy).toContain(`length(${passwordMinLength})`)
  })

  it.each([
    ['court', 'too_short'],
    ['x'.repeat(11), 'too_short'],
    ['x'.repeat(12), undefined],
    ['x'.repeat(128), undefined],
    ['x'.repeat(129), 'too_long'],
    ['Anne.Martin@client.example', 'is_address'],
  ])('find in %s the problem %s', (password, problem) => {
    expect(findPasswordProblem(password, 'anne.martin@client.example')).toBe(problem)
  })
})

describe('the log', () => {
  it('writes the code of an error and never its message', () => {
    const lines: string[] = []
    const log = createLog('test', 'info', { write: (line) => void lines.push(line) })
    const cause = new Error('anne@client.example typed hunter2')
    log.error({ event: 'x.failed', err: new UpstreamError('smtp', 0, 'retry', 'timeout', { cause }) })
    const line = lines.join('')
    expect(JSON.parse(line)).toMatchObject({ event: 'x.failed', err: { code: 'timeout', service: 'smtp' } })
    expect(line).not.toContain('hunter2')
    expect(line).not.toContain('anne@')
  })
})
