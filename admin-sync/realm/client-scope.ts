/**
 * The client scope `ellipro`: what a person may use, from user attributes to claims of ID token, access token and
 * userinfo (docs/applications.md). Who writes the attributes: admin-sync/contracts/entitlements/.
 *
 *   contracts        array of texts, at most twenty; the attribute `contracts_claim` has no more
 *   contracts_total  number: how many there are
 *   reports          array of essentiel, efficient, expert; absent: none, as with analyses
 *   analyses         array of classic, optimum
 *   score            boolean; absent: no contract of the person is known yet, as with countries
 *   countries        number of countries whose reports can be read on line
 *
 * Only applications that ask for it in APPLICATIONS_FILE have the scope, always (`default`): a request cannot bring it.
 * It is not among the scopes that Keycloak gives to every new client.
 */
import { off } from './compare.ts'

export const scopeName = 'ellipro'

/** Compared by name; ids are Keycloak's. */
export const clientScope = {
  name: scopeName,
  description: 'Contrats de la personne, et ce à quoi ils donnent droit.',
  protocol: 'openid-connect',
  attributes: {
    'include.in.token.scope': 'true',
    'display.on.consent.screen': off,
  },
}

type Type = 'String' | 'boolean' | 'int'
function claim(name: string, attribute: string, type: Type, multivalued = false) {
  return {
    name: `ellipro ${name}`,
    protocol: 'openid-connect',
    protocolMapper: 'oidc-usermodel-attribute-mapper',
    config: {
      'user.attribute': attribute,
      'claim.name': name,
      'jsonType.label': type,
      multivalued: multivalued ? 'true' : off,
      'aggregate.attrs': off,
      'id.token.claim': 'true',
      'access.token.claim': 'true',
      'userinfo.token.claim': 'true',
      'introspection.token.claim': 'true',
      'lightweight.claim': off,
    },
  }
}

export const scopeMappers = [
  claim('contracts', 'contracts_claim', 'String', true),
  claim('contracts_total', 'contracts_total', 'int'),
  claim('reports', 'reports', 'String', true),
  claim('analyses', 'analyses', 'String', true),
  claim('score', 'score', 'boolean'),
  claim('countries', 'countries', 'int'),
]
