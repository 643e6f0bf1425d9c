/** The network of a client, for limits: what one customer or one attacker usually holds. Pure. */
import { isIPv4, isIPv6 } from 'node:net'

/** `192.0.2.0/24`, `2001:db8:1:2::/64`; an IPv4 address mapped into IPv6 counts as IPv4; `unknown` when absent. */
export function networkOf(address: string | undefined): string {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`
  if (!isIPv6(plain)) return 'unknown'
  return `${expand(plain).slice(0, 4).join(':')}::/64`
}

/** The first groups of an IPv6 address without leading zeros; `::` opened up to eight groups. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  if (tail === undefined) return before.map(trim)
  const after = tail === '' ? [] : tail.split(':')
  // A dotted tail (`::192.0.2.1`) stands for two groups.
  const length = after.length + (after.at(-1)?.includes('.') ? 1 : 0)
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - length) }, () => '0')
  return [...before, ...zeros, ...after].map(trim)
}

const trim = (group: string) => group.toLowerCase().replace(/^0+(?=.)/, '')
