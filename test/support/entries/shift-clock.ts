/** Loaded before a process of the product (`--import`): its clock is CLOCK_OFFSET_MS ahead of this machine's, or behind. */
const offsetMs = Number(process.env['CLOCK_OFFSET_MS'])
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RealDate.now() + offsetMs)
    else super(...(given as [number]))
  }
  static override now(): number {
    return RealDate.now() + offsetMs
  }
} as DateConstructor
