/** What a demonstration application has to be told, all from the environment. */
import { z } from 'zod'

/** Without trailing slash. */
export const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''))

export const applicationSchema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535),
  HOST: z.string().default('127.0.0.1'),
  /** Where browsers and Keycloak find this application. */
  APP_URL: url,
  /** Issuer identifier of the realm: `https://…/realms/ellipro`. */
  ISSUER: url,
  CLIENT_ID: z.string().min(1),
  CLIENT_SECRET: z.string().min(1),
  /** The other demonstration application, to show single sign-on. */
  OTHER_APP_URL: url,
})
export type ApplicationConfig = z.infer<typeof applicationSchema>

/** @throws an error that names every variable that is missing or wrong. */
export function readApplicationConfig(env: Record<string, string | undefined>): ApplicationConfig {
  const parsed = applicationSchema.safeParse(env)
  if (parsed.success) return parsed.data
  throw new Error(`The application cannot start:\n${z.prettifyError(parsed.error)}`)
}
