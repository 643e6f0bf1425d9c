import { describe, expect, it } from 'vitest'
import {
  defineConfig,
  key32,
  maskConfig,
  port,
  positiveInteger,
  postgresUrl,
  publicUrl,
  readConfig,
  secretText,
} from '../../core/config.ts'
import { ConfigError } from '../../core/errors.ts'

const definition = defineConfig({
  SITE_URL: { schema: publicUrl, description: 'Address.' },
  SITE_PORT: { schema: port, default: '4000', description: 'Port.' },
  SITE_KEY: { schema: key32, secret: true, description: 'Key.' },
  SITE_PASSWORD: { schema: secretText, secret: true, optional: true, description: 'Password.' },
})
function catchError(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
const key = Buffer.alloc(32, 7).toString('base64url')

describe('the configuration', () => {
  it('is typed, takes defaults for absent and empty variables, and leaves optional ones undefined', () => {
    const config = readConfig(definition, { SITE_URL: 'https://a.example/', SITE_KEY: key, SITE_PORT: ' ' })
    expect(config.SITE_URL).toBe('https://a.example')
    expect(config.SITE_PORT).toBe(4000)
    expect(config.SITE_KEY).toHaveLength(32)
    expect(config.SITE_PASSWORD).toBeUndefined()
  })

  it('reports every problem at once and never a secret value', () => {
    const error = catchError(() =>
      readConfig(definition, {
        SITE_URL: 'ftp://x',
        SITE_PORT: '99999',
        SITE_KEY: 'hunter2',
        SITE_PASSWORD: 'short',
      }),
    )
    expect(error).toBeInstanceOf(ConfigError)
    const { problems, message } = error as ConfigError
    expect(problems.map((p) => p.split(/[: ]/)[0])).toEqual([
      'SITE_URL',
      'SITE_PORT',
      'SITE_KEY',
      'SITE_PASSWORD',
    ])
    expect(message).not.toContain('hunter2')
    expect(message).not.toContain('short.')
  })

  it('masks secrets for the log', () => {
    const config = readConfig(definition, { SITE_URL: 'https://a.example', SITE_KEY: key })
    expect(maskConfig(definition, config)).toEqual({
      SITE_URL: 'https://a.example',
      SITE_PORT: 4000,
      SITE_KEY: '***',
    })
  })

  it.each([
    ['http://127.0.0.1:4000', true],
    ['http://127.0.0.3:4000/base/', true],
    ['http://localhost:4000', true],
    ['http://[::1]:4000', true],
    ['https://sso.example', true],
    ['http://sso.example', false],
    ['http://127.0.0.1.evil.example', false],
    ['http://127.0.0.1@evil.example', false],
    ['https://sso.example/?q=1', false],
    ['https://sso.example/#f', false],
    ['//sso.example', false],
    ['javascript:alert(1)', false],
  ])('accepts %s as a public URL: %s', (value, accepted) => {
    expect(publicUrl.safeParse(value).success).toBe(accepted)
  })

  it.each([
    [key32, 'AAAA', false],
    [key32, Buffer.alloc(33).toString('base64url'), false],
    [key32, Buffer.alloc(32, 0xff).toString('base64'), false],
    [port, '-1', false],
    [port, '1e3', false],
    [port, '0', true],
    [positiveInteger, '0', false],
    [positiveInteger, '12', true],
    [postgresUrl, 'mysql://a/b', false],
    [postgresUrl, 'postgres://a:b@c/d', true],
  ])('checks a value (case %#)', (schema, value, accepted) => {
    expect(schema.safeParse(value).success).toBe(accepted)
  })
})
