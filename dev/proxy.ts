/** Proxies of the machine: our own addresses never go through one, and Maven learns of one it does not know. */
import { existsSync, readFileSync } from 'node:fs'

const loopback = ['localhost', '127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '::1']

const read = (env: NodeJS.ProcessEnv, name: string) => env[name] || env[name.toLowerCase()] || undefined

/** A copy of the environment whose NO_PROXY (both spellings) holds the loopback addresses. */
export function keepLoopbackDirect(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = (read(env, 'NO_PROXY') ?? '').split(',').map((host) => host.trim())
  const hosts = [...new Set([...given.filter((host) => host !== ''), ...loopback])].join(',')
  return { ...env, NO_PROXY: hosts, no_proxy: hosts }
}

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/**
 * How Maven learns of the proxy named by HTTPS_PROXY; nothing when there is no such variable, or when the user's Maven
 * settings name a proxy themselves.
 * @returns arguments for Maven, or, when the proxy wants a password, the content of a settings file for its option `-gs`:
 *   Maven sends no password that it was given as an argument, and arguments are visible to other users
 */
export function describeMavenProxy(
  env: NodeJS.ProcessEnv,
  settingsFile: string,
): { arguments: string[]; settings?: string } {
  const address = read(env, 'HTTPS_PROXY') ?? read(env, 'HTTP_PROXY')
  if (address === undefined) return { arguments: [] }
  const given = existsSync(settingsFile) ? readFileSync(settingsFile, 'utf8') : ''
  if (given.replaceAll(/<!--.*?-->/gs, '').includes('<proxy>')) return { arguments: [] }
  const proxy = new URL(address.includes('://') ? address : `http://${address}`)
  const port = proxy.port || (proxy.protocol === 'https:' ? '443' : '80')
  const direct = (read(env, 'NO_PROXY') ?? '')
    .split(',')
    .map((host) => host.trim().replace(/^\./, '*.'))
    .filter((host) => host !== '')
    .join('|')
  if (proxy.username === '')
    return {
      arguments: [
        // Maven 3.9 and later look at these properties only when told to
        '-Daether.connector.http.useSystemProperties=true',
        ...['http', 'https'].flatMap((scheme) => [
          `-D${scheme}.proxyHost=${proxy.hostname}`,
          `-D${scheme}.proxyPort=${port}`,
        ]),
        ...(direct === '' ? [] : [`-Dhttp.nonProxyHosts=${direct}`]),
      ],
    }
  const entries = ['http', 'https'].map(
    (scheme) => `  <proxy>
    <id>${scheme}</id><active>true</active><protocol>${scheme}</protocol>
    <host>${escapeXml(proxy.hostname)}</host><port>${port}</port>
    <username>${escapeXml(decodeURIComponent(proxy.username))}</username>
    <password>${escapeXml(decodeURIComponent(proxy.password))}</password>
    <nonProxyHosts>${escapeXml(direct)}</nonProxyHosts>
  </proxy>`,
  )
  return { arguments: [], settings: `<settings><proxies>\n${entries.join('\n')}\n</proxies></settings>\n` }
}
