/**
 * Configuration from the environment: one definition a process, read once at start.
 *
 * A definition names each variable with its zod schema, a sentence, and whether it is a secret. It is the source
 * of the typed configuration, of the masked line that each process logs at start, and of docs/configuration.md.
 * There is no default for a secret, and plain http is accepted for loopback hosts only.
 */
import { z } from 'zod'
import { ConfigError } from './errors.ts'

export type Entry<T = unknown> = {
  /** Checks and converts the text of the variable. */
  schema: z.ZodType<T, string>
  description: string
  /** Text used when the variable is absent or empty. Without it the variable is required. */
  default?: string
  /** Absent gives `undefined` instead of a problem. */
  optional?: boolean
  /** Masked in logs; never has a default. */
  secret?: boolean
  unit?: string
}
export type Definition = Record<string, Entry>
type Value<E> = E extends { optional: true; schema: z.ZodType<infer T, string> }
  ? T | undefined
  : E extends { schema: z.ZodType<infer T, string> }
    ? T
    : never
export type Config<D extends Definition> = { readonly [K in keyof D]: Value<D[K]> }

/** Keeps the literal types of a definition. */
export function defineConfig<const D extends Definition>(definition: D): D {
  return definition
}

/**
 * Reads a definition from an environment.
 * @param further problems that concern several variables together, told with the others
 * @throws ConfigError naming every variable that is missing or wrong, never showing a secret's value.
 */
export function readConfig<D extends Definition>(
  definition: D,
  env: Record<string, string | undefined>,
  further: readonly string[] = [],
): Config<D> {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(definition)) {
    const given = env[name]?.trim()
    const text = given === undefined || given === '' ? entry.default : given
    if (text === undefined) {
      if (!entry.optional) problems.push(`${name} is missing: ${entry.description}`)
      continue
    }
    const parsed = entry.schema.safeParse(text)
    if (parsed.success) values[name] = parsed.data
    else
      problems.push(`${name}: ${parsed.error.issues.map((i) => i.message).join('; ')}. ${entry.description}`)
  }
  problems.push(...further)
  if (problems.length > 0) throw new ConfigError(problems)
  return values as Config<D>
}

/** The effective configuration for the log: secrets and the passwords inside URLs are replaced by `***`. */
export function maskConfig(definition: Definition, config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(definition)
      .filter(([name]) => config[name] !== undefined)
      .map(([name, entry]) => [name, entry.secret ? '***' : config[name]]),
  )
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

/** An absolute http(s) URL without trailing slash, query or fragment; plain http for loopback hosts only. */
export const publicUrl = z.string().transform((text, ctx) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const refuse = (message: string) => {
    ctx.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  if (!url || !['http:', 'https:'].includes(url.protocol)) return refuse('must be an absolute http(s) URL')
  if (url.username || url.password || url.search || url.hash)
    return refuse('must hold no user, query or fragment')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return refuse('must be https (http is for loopback)')
  return url.href.replace(/\/+$/, '')
})

/** A postgres:// connection URL. */
export const postgresUrl = z
  .string()
  .refine((t) => URL.canParse(t) && /^postgres(ql)?:$/.test(new URL(t).protocol), 'must be a postgres:// URL')

/** 32 random bytes in base64url, as a Buffer. */
export const key32 = z.string().transform((text, ctx) => {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length === 32 && bytes.toString('base64url') === text.replace(/=+$/, '')) return bytes
  ctx.addIssue({ code: 'custom', message: 'must be 32 random bytes in base64url (43 characters)' })
  return z.NEVER
})

export const port = z
  .string()
  .regex(/^\d+$/, 'must be a number')
  .transform(Number)
  .pipe(z.number().int().min(0).max(65535))
export const positiveInteger = z
  .string()
  .regex(/^\d+$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.number().int().positive())
/** Zero or more. */
export const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number)
export const text = z.string().min(1)
/** A secret of at least 16 characters. */
export const secretText = z.string().min(16, 'must have at least 16 characters')
export const logLevel = z.enum(['debug', 'info', 'warn', 'error', 'silent'])
