/**
 * Statements whose commit does not wait for the disk.
 *
 * A server that dies within a second may forget such a statement and what came after it, never what came before:
 * PostgreSQL writes in order. Of a sign-in at our OP, everything until the code is redeemed is written so. Redeeming
 * waits (`consume` of oidc/adapter.ts), and only then does a token leave: at that moment all that led to it is on disk,
 * the taken proof included. What is forgotten before has served nothing, and the person begins the sign-in anew.
 */

/** Begins the statement; it must read `FROM lazily` (or `USING lazily`), because what nobody reads is not executed. */
export const lazily = `WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`
