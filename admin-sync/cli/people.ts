/** Commands for whoever answers a person about their data: `people export`, `people erase`. */
import { Option, type Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { sweepConfig } from '../config.ts'
import { connect } from '../keycloak/connect.ts'
import { erasePerson, type FindUsers } from '../operators/people-erase.ts'
import { exportPerson, isKnown } from '../operators/people-export.ts'
import { printErasure } from '../operators/people-print.ts'
import { readerClient } from '../realm/permissions.ts'
import { add, chooseTexts, operatorOf, operatorOptions, withPool, type Environment } from './command.ts'

export function addPeople(program: Command, env: Environment): void {
  const t = chooseTexts(env)
  const people = program.command('people').description('what is stored about a person')
  add(
    people,
    'export <e-mail>',
    'everything stored about an address, as JSON; personal data',
    async (address = '') => {
      const person = await withPool(env, (pool) => exportPerson(pool, address))
      return { value: person, text: JSON.stringify(person, null, 2), exitCode: isKnown(person) ? 0 : 1 }
    },
  )
  add(
    people,
    'erase <e-mail>',
    'takes a person’s address, name and words out of what is stored; a rehearsal without --confirm',
    async (address = '', options) => {
      const operator = options.confirm ? operatorOf(options) : undefined
      const erasure = await withPool(env, (pool) => erasePerson(pool, address, askKeycloak(env), operator))
      const done = erasure.outcome === 'erased' || erasure.outcome === 'rehearsed'
      return { value: erasure, text: printErasure(t, erasure), exitCode: done ? 0 : 1 }
    },
    [...operatorOptions({ reasonAlways: false }), new Option('--confirm', 'do it; asks for --reason')],
  )
}

/** With the account that sees every user, administrators included. */
function askKeycloak(env: Environment): FindUsers {
  const config = readConfig(sweepConfig, env)
  const keycloak = connect({
    url: config.KEYCLOAK_URL,
    realm: config.KEYCLOAK_REALM,
    credential: { kind: 'client', clientId: readerClient, clientSecret: config.READER_CLIENT_SECRET },
  })
  return async (address, known) => {
    const found = [
      await keycloak.findUserByEmail(address),
      ...(await Promise.all(known.map((id) => keycloak.getUser(id)))),
    ]
    return [...new Set(found.flatMap((user) => user?.id ?? []))]
  }
}
