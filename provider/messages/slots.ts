/**
 * How many mailboxes this process saves at a time. Each takes a thread of libuv while it compresses, and passwords are
 * hashed on the same four (gate.ts); nobody waits in a queue for something that may take an hour.
 */
import type { Log } from '../../core/log.ts'

export type Slots = {
  /** Gives the place back; `undefined`: all are taken. */
  take(): (() => void) | undefined
}

export function createSlots(max: number, log: Log): Slots {
  let taken = 0
  return {
    take() {
      if (taken >= max) {
        log.warn({ event: 'messages.busy', at_once: max })
        return undefined
      }
      taken++
      let isMine = true
      return () => {
        if (isMine) taken--
        isMine = false
      }
    },
  }
}
