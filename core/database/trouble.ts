/** Was it the database that could not be asked, and not the question that was wrong? Pure. */

/**
 * SQLSTATE 08 (connection), 53 (resources: too many connections, disk full), 57 (shutting down, cancelled, our own time
 * limit), 58 (a file that cannot be read or written), 40 (serialisation, deadlock), 55P03 (lock timeout) and 25006
 * (read-only), the errors of a connection, and what the driver throws without a code. Each passes by itself or by an
 * operator, and the same statement may then succeed.
 */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|53|57|58|40)[0-9A-Z]{3}$/.test(code) || ['55P03', '25006'].includes(code)) return true
  if (/^(E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND)|EAI_AGAIN)$/.test(code))
    return true
  return withoutCode.test(error.message)
}

const withoutCode =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after calling end)/
