import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { keepLoopbackDirect, mavenProxyArguments } from '../../dev/proxy.ts'

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

  test('is told to Maven, with its credentials and exceptions', () => {
    const env = { HTTPS_PROXY: 'http://jeanne:p%40ss@proxy.example:3128', NO_PROXY: '.intranet.example' }
    expect(mavenProxyArguments(env, settings)).toEqual(
      expect.arrayContaining([
        '-Dhttps.proxyHost=proxy.example',
        '-Dhttps.proxyPort=3128',
        '-Dhttps.proxyUser=jeanne',
        '-Dhttps.proxyPassword=p@ss',
        '-Dhttp.nonProxyHosts=*.intranet.example',
      ]),
    )
  })

  test('is not told to Maven when its settings name one; one in a comment does not count', () => {
    const env = { https_proxy: 'proxy.example:3128' }
    writeFileSync(settings, '<settings><proxies><proxy><host>p</host></proxy></proxies></settings>')
    expect(mavenProxyArguments(env, settings)).toEqual([])
    writeFileSync(settings, '<settings><!-- <proxies><proxy>\n</proxy></proxies> --></settings>')
    expect(mavenProxyArguments(env, settings)).toContain('-Dhttps.proxyHost=proxy.example')
  })

  test('that does not exist adds nothing', () => {
    expect(mavenProxyArguments({}, settings)).toEqual([])
  })
})
