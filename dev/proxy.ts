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

/**
 * Maven arguments for the proxy named by HTTPS_PROXY; none when there is no such variable, or when the user's Maven
 * settings name a proxy themselves.
 */
export function mavenProxyArguments(env: NodeJS.ProcessEnv, settingsFile: string): string[] {
  const address = read(env, 'HTTPS_PROXY') ?? read(env, 'HTTP_PROXY')
  if (address === undefined) return []
  const settings = existsSync(settingsFile) ? readFileSync(settingsFile, 'utf8') : ''
  if (settings.replaceAll(/<!--.*?-->/gs, '').includes('<proxy>')) return []
  const proxy = new URL(address.includes('://') ? address : `http://${address}`)
  const port = proxy.port || (proxy.protocol === 'https:' ? '443' : '80')
  const direct = (read(env, 'NO_PROXY') ?? '')
    .split(',')
    .map((host) => host.trim().replace(/^\./, '*.'))
    .filter((host) => host !== '')
  return [
    // Maven 3.9 and later look at these properties only when told to
    '-Daether.connector.http.useSystemProperties=true',
    ...['http', 'https'].flatMap((scheme) => [
      `-D${scheme}.proxyHost=${proxy.hostname}`,
      `-D${scheme}.proxyPort=${port}`,
      ...(proxy.username === ''
        ? []
        : [
            `-D${scheme}.proxyUser=${decodeURIComponent(proxy.username)}`,
            `-D${scheme}.proxyPassword=${decodeURIComponent(proxy.password)}`,
          ]),
    ]),
    ...(direct.length === 0 ? [] : [`-Dhttp.nonProxyHosts=${direct.join('|')}`]),
  ]
}
