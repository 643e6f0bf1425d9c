/**
 * The ports of `npm start`. All are looked at before anything starts, and every taken one is named at once.
 * PORT_OFFSET is added to each.
 */
import { connect, createServer } from 'node:net'
import { SetupError } from './setup-error.ts'

const basePorts = {
  portal: { port: 3000, purpose: 'the demonstration portal' },
  secondApplication: { port: 3001, purpose: 'the second demonstration application' },
  provider: { port: 4000, purpose: 'provider, the Cofacering login page' },
  adminSync: { port: 4001, purpose: 'health and metrics of admin-sync' },
  providerMetrics: { port: 4002, purpose: 'metrics of provider' },
  keycloak: { port: 8080, purpose: 'Keycloak' },
  keycloakManagement: { port: 8081, purpose: 'health of Keycloak' },
  inbox: { port: 8025, purpose: 'the inbox' },
  smtp: { port: 1025, purpose: 'incoming mail of the inbox (SMTP)' },
  postgres: { port: 5433, purpose: 'PostgreSQL' },
}
export type PortName = keyof typeof basePorts
export type Ports = Record<PortName, number>

/** @throws SetupError when PORT_OFFSET is no number, or moves a port out of range. */
export function choosePorts(offsetText = ''): Ports {
  const offset = offsetText === '' ? 0 : Number(offsetText)
  const ports = Object.fromEntries(
    Object.entries(basePorts).map(([name, { port }]) => [name, port + offset]),
  ) as Ports
  if (!Number.isInteger(offset) || Object.values(ports).some((port) => port < 1 || port > 65_535))
    throw new SetupError(
      `PORT_OFFSET=${offsetText} cannot be added to the ports: use a whole number such as 100.`,
    )
  return ports
}

/** Whether a program could listen there now. Both ways are tried: systems differ in what a listener excludes. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const canListen = await new Promise<boolean>((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, host, () => server.close(() => done(true)))
  })
  if (!canListen) return false
  return new Promise((done) => {
    const socket = connect({ port, host })
    socket.once('connect', () => {
      socket.destroy()
      done(false)
    })
    socket.once('error', () => done(true))
  })
}

/** A port that nobody uses at this moment. */
export function findFreePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer()
    server.once('error', fail)
    server.listen(0, host, () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => done(port))
    })
  })
}

/**
 * @param needed the ports that this start will use
 * @param patienceMs how long to wait for ports that a start killed just before is still leaving
 * @throws SetupError naming every taken port, what it is for, and how to move
 */
export async function requireFree(ports: Ports, needed: PortName[], patienceMs = 0): Promise<void> {
  for (const end = Date.now() + patienceMs; ;) {
    const states = await Promise.all(needed.map((name) => isFree(ports[name])))
    const taken = needed.filter((_, index) => !states[index])
    if (taken.length === 0) return
    if (Date.now() >= end) {
      const lines = taken.map((name) => `  ${String(ports[name]).padStart(5)}  ${basePorts[name].purpose}`)
      throw new SetupError(`${taken.length === 1 ? 'A port is' : `${taken.length} ports are`} in use by another program:
${lines.join('\n')}
Stop that program, or move all ports: PORT_OFFSET=100 npm start`)
    }
    await new Promise((done) => setTimeout(done, 250))
  }
}
