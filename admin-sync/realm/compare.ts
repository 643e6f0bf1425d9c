/**
 * Comparing what Keycloak has with what we own of it. Pure.
 *
 * Only keys that stand in `wanted` are compared and written; whatever else an object holds, an administrator put it
 * there and it stays. Objects are compared key by key, everything else as a whole, except:
 *
 * - `off`            the key must be absent, empty or false (Keycloak has all three for "not set")
 * - `atLeast(list)`  the list must hold these values; others stay
 * - `anyOrder(list)` the list must hold these values and no others, in whatever order Keycloak gives them
 * - `initial(value)` given at creation, the administrator's from then on
 */

export type Difference = { key: string; from: string; to: string }

export const off = Symbol('off')
class AtLeast {
  readonly values: readonly string[]
  constructor(values: readonly string[]) {
    this.values = values
  }
}
class Initial {
  readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
}
class AnyOrder {
  readonly values: readonly string[]
  constructor(values: readonly string[]) {
    this.values = values
  }
}
export const anyOrder = (values: readonly string[]) => new AnyOrder(values)
export const atLeast = (values: readonly string[]) => new AtLeast(values)
export const initial = (value: unknown) => new Initial(value)

/** Every key of ours that differs; values are printable, secrets masked. */
export function compare(current: unknown, wanted: unknown, key = ''): Difference[] {
  if (wanted instanceof Initial) return []
  if (wanted === off) return isOff(current) ? [] : [differ(key, current, 'not set')]
  if (wanted instanceof AtLeast) {
    const has = Array.isArray(current) ? current : []
    const missing = wanted.values.filter((value) => !has.includes(value))
    return missing.length === 0 ? [] : [{ key, from: show(key, current), to: `also ${missing.join(', ')}` }]
  }
  if (wanted instanceof AnyOrder) {
    const has = Array.isArray(current) ? [...(current as string[])].toSorted() : current
    return isEqual(has, wanted.values.toSorted()) ? [] : [differ(key, current, show(key, wanted.values))]
  }
  if (isPlainObject(wanted))
    return Object.entries(wanted).flatMap(([name, value]) =>
      compare(read(current, name), value, key === '' ? name : `${key}.${name}`),
    )
  return isEqual(current, wanted) ? [] : [differ(key, current, show(key, wanted))]
}

/** `current` with our keys in it, ready to be written. `current` is `undefined` for an object to create. */
export function merge(current: unknown, wanted: unknown): unknown {
  if (wanted instanceof Initial) return current === undefined ? wanted.value : current
  if (wanted === off) return isOff(current) ? current : blank(current)
  if (wanted instanceof AtLeast)
    return [...new Set([...(Array.isArray(current) ? (current as string[]) : []), ...wanted.values])]
  if (wanted instanceof AnyOrder) return [...wanted.values]
  if (!isPlainObject(wanted)) return wanted
  const merged: Record<string, unknown> = { ...(isPlainObject(current) ? current : {}) }
  for (const [name, value] of Object.entries(wanted)) {
    const next = merge(read(current, name), value)
    if (next === undefined) delete merged[name]
    else merged[name] = next
  }
  return merged
}

function isEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, i) => isEqual(value, b[i]))
  if (isPlainObject(a) && isPlainObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)])
    return [...keys].every((key) => isEqual(a[key], b[key]))
  }
  return a === b
}

const isOff = (value: unknown) =>
  value === undefined || value === null || value === '' || value === false || value === 'false'

/** Keycloak keeps a string key that is not sent; it clears one that is sent empty. */
function blank(value: unknown): unknown {
  if (typeof value === 'boolean') return false
  return typeof value === 'string' ? '' : undefined
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

const read = (object: unknown, name: string) => (isPlainObject(object) ? object[name] : undefined)

const differ = (key: string, from: unknown, to: string): Difference => ({ key, from: show(key, from), to })

/** How a value is printed in a diff: one line, no secret. */
function show(key: string, value: unknown): string {
  if (value === undefined || value === null || value === '') return 'not set'
  if (/secret|password$/i.test(key.split('.').at(-1) ?? '')) return '***'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
