/**
 * The credential that the confirmation put aside, as far as it may go to Keycloak. provider made it, and a provider in
 * other hands may make anything: another type of credential, or an Argon2id that takes all of Keycloak's memory at the
 * first attempt to sign in. Pure.
 */
import { z } from 'zod'

export type Credential = { credentialData: string; secretData: string }

/** Keycloak's own defaults are 7 MiB, 5 passes, 1 lane; there is room for another release's. */
const maximum = { memoryKib: 65_536, passes: 10, lanes: 4 }

const number = (minimum: number, most: number) =>
  z.tuple([
    z
      .string()
      .regex(/^[1-9]\d{0,6}$/)
      .refine((text) => Number(text) >= minimum && Number(text) <= most),
  ])
const base64 = (minimumBytes: number, mostBytes: number) =>
  z
    .base64()
    .max(200)
    .refine((text) => {
      const { length } = Buffer.from(text, 'base64')
      return length >= minimumBytes && length <= mostBytes
    })

const credentialData = z.strictObject({
  algorithm: z.literal('argon2'),
  hashIterations: z.int().min(1).max(maximum.passes),
  additionalParameters: z.strictObject({
    hashLength: number(16, 64),
    memory: number(8, maximum.memoryKib),
    type: z.tuple([z.literal('id')]),
    version: z.tuple([z.literal('1.3')]),
    parallelism: number(1, maximum.lanes),
  }),
})
const secretData = z.strictObject({
  value: base64(16, 64),
  salt: base64(16, 64),
  additionalParameters: z.strictObject({}),
})
const stored = z.strictObject({ credentialData: z.string(), secretData: z.string() })

/** @returns the credential, written anew from what was understood; `undefined` when it is anything but such a hash */
export function readCredentialForm(value: unknown): Credential | undefined {
  try {
    const texts = stored.parse(value)
    return {
      credentialData: JSON.stringify(credentialData.parse(JSON.parse(texts.credentialData))),
      secretData: JSON.stringify(secretData.parse(JSON.parse(texts.secretData))),
    }
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) return undefined
    throw error
  }
}
