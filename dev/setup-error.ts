/** Something this machine lacks or holds. The message names it and the way out, and is shown without a stack. */
export class SetupError extends Error {
  override name = 'SetupError'
}
