/**
 * What the claims of scope `ellipro` say of a person (docs/applications.md), from an ID token that openid-client has
 * verified. Absent ones give nothing. Pure.
 */
import { z } from 'zod'

const words = z.array(z.string()).catch([])
const schema = z
  .object({ contracts: words, contracts_total: z.int().catch(0), reports: words, analyses: words })
  .transform(({ contracts_total: total, ...claims }) => ({
    ...claims,
    /** How many contracts there are; the token names the first ones. */
    total: Math.max(total, claims.contracts.length),
  }))
export type EntitlementClaims = z.infer<typeof schema>

export function readClaims(claims: object): EntitlementClaims {
  return schema.parse(claims)
}
