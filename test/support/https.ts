/**
 * HTTPS for a test file: a certificate made on the spot, which a browser takes only when it is told to, a server, and
 * a proxy that ends TLS in front of something that speaks http.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { request as forward, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: Buffer[]) => der(0x30, ...parts)
const moment = (date: Date) =>
  der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`))

/** Self-signed, for no host in particular, good for a day. PEM. */
function makeCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // ecdsa-with-SHA256 (RFC 5758), and the name `CN=test`.
  const algorithm = sequence(der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const name = sequence(
    der(0x31, sequence(der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from('test')))),
  )
  const [now, day] = [Date.now(), 86_400_000]
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    sequence(moment(new Date(now - day)), moment(new Date(now + day))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', content, privateKey)
  const whole = sequence(content, algorithm, der(0x03, Buffer.from([0]), signature))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`,
  }
}

const certificate = makeCertificate()

/** Listens on 127.0.0.1 until the test file ends. */
export async function startHttps(listener: RequestListener, port = 0): Promise<{ port: number }> {
  const server = createServer(certificate, listener)
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port }
}

/** Passes everything on to `target()`, with the headers of a proxy that believes nobody's. */
export function passOn(target: () => { host: string; port: number }): RequestListener {
  return (req, res) => {
    const { host, port } = target()
    const headers = {
      ...req.headers,
      'x-forwarded-for': req.socket.remoteAddress ?? '',
      'x-forwarded-proto': 'https',
    }
    const asked = forward({ host, port, method: req.method, path: req.url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(res)
    })
    asked.on('error', () => res.writeHead(502).end())
    req.pipe(asked)
  }
}
