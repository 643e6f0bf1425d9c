import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { choosePorts, findFreePort, isFree, requireFree } from '../../dev/ports.ts'

const servers: Server[] = []

function occupy(port: number, host = '127.0.0.1'): Promise<number> {
  return new Promise((done) => {
    const server = createServer()
    servers.push(server)
    server.listen(port, host, () => done((server.address() as AddressInfo).port))
  })
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))))
})

describe('the ports of npm start', () => {
  test('are the documented ones, and PORT_OFFSET moves them all', () => {
    expect(choosePorts()).toEqual({
      portal: 3000,
      secondApplication: 3001,
      provider: 4000,
      adminSync: 4001,
      providerMetrics: 4002,
      keycloak: 8080,
      keycloakManagement: 8081,
      inbox: 8025,
      smtp: 1025,
      postgres: 5433,
    })
    const moved = Object.entries(choosePorts('100'))
    expect(moved).toEqual(Object.entries(choosePorts()).map(([name, port]) => [name, port + 100]))
  })

  test.each(['x', '1.5', '60000', '-9000'])('refuse PORT_OFFSET=%s with a sentence', (offset) => {
    expect(() => choosePorts(offset)).toThrow(/PORT_OFFSET=.*whole number/)
  })

  test.each(['127.0.0.1', '0.0.0.0'])('count as taken when a program listens on %s', async (host) => {
    const port = await occupy(0, host)
    expect(await isFree(port)).toBe(false)
  })

  test('are all named at once when taken, each with what it is for, and how to move', async () => {
    const ports = choosePorts()
    ports.portal = await occupy(0)
    ports.smtp = await occupy(0)
    ports.inbox = await findFreePort()
    const refusal = requireFree(ports, ['portal', 'inbox', 'smtp'])
    await expect(refusal).rejects.toThrow(/^2 ports are in use by another program:/)
    const text = await requireFree(ports, ['portal', 'inbox', 'smtp']).catch((error: Error) => error.message)
    expect(text).toContain(`${ports.portal}  the demonstration portal`)
    expect(text).toContain(`${ports.smtp}  incoming mail`)
    expect(text).not.toContain('the inbox\n')
    expect(text).toContain('PORT_OFFSET=100 npm start')
  })

  test('are waited for while a start that was killed is still leaving them', async () => {
    const ports = { ...choosePorts(), portal: await occupy(0) }
    const waiting = requireFree(ports, ['portal'], 5000)
    for (const server of servers.splice(0)) server.close()
    await expect(waiting).resolves.toBeUndefined()
  })
})
