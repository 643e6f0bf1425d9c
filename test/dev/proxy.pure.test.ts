import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { keepLoopbackDirect, describeMavenProxy } from '../../dev/proxy.ts'

const dir = mkdtempSync(join(tmpdir(), 'ellipro-proxy-'))
afterAll(() => rmSync(dir, { recursive: true }))
const settings = join(dir, 'settings.xml')

describe('a proxy of the machine', () => {
  test('never sees our own addresses, and keeps the exceptions it had', () => {
    const { NO_PROXY, no_proxy } = keepLoopbackDirect({ no_proxy: 'intranet.example, localhost' })
    expect(NO_PROXY?.split(',')).toEqual(
      expect.arrayContaining(['intranet.example', 'localhost', '127.0.0.1', '::1']),
    )
    expect(no_proxy).toBe(NO_PROXY)
  })

  test('is told to Maven, with its exceptions', () => {
    const env = { HTTPS_PROXY: 'http://outgoing.example:3128', NO_PROXY: '.intranet.example' }
    expect(describeMavenProxy(env, settings).arguments).toEqual(
      expect.arrayContaining([
        '-Dhttps.proxyHost=outgoing.example',
        '-Dhttps.proxyPort=3128',
        '-Dhttp.nonProxyHosts=*.intranet.example',
      ]),
    )
  })

  test('that wants a password is told to Maven in a file, where no other user can see it', () => {
    const env = { HTTPS_PROXY: 'http://jeanne:p%40%3Css@proxy.example:3128' }
    const told = describeMavenProxy(env, settings)
    expect(told.arguments).toEqual([])
    expect(told.settings).toContain('<host>proxy.example</host><port>3128</port>')
    expect(told.settings).toContain('<username>jeanne</username>')
    expect(told.settings).toContain('<password>p@&lt;ss</password>')
  })

  test('is not told to Maven when its settings name one; one in a comment does not count', () => {
    const env = { https_proxy: 'proxy.example:3128' }
    writeFileSync(settings, '<settings><proxies><proxy><host>p</host></proxy></proxies></settings>')
    expect(describeMavenProxy(env, settings)).toEqual({ arguments: [] })
    writeFileSync(settings, '<settings><!-- <proxies><proxy>\n</proxy></proxies> --></settings>')
    expect(describeMavenProxy(env, settings).arguments).toContain('-Dhttps.proxyHost=proxy.example')
  })

  test('that does not exist adds nothing', () => {
    expect(describeMavenProxy({}, settings)).toEqual({ arguments: [] })
  })
})
