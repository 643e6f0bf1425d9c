/**
 * Violations that axe finds in markup that is not ours to change: Keycloak's own. Each with its upstream reference; the
 * suite fails for an entry that no page has any more. Our templates and screens have none.
 */
export type Known = {
  /** axe's name of the rule. */
  rule: string
  /** A part of the element's markup that tells it. */
  html: string
  /** The issue at Keycloak. */
  reference: string
}

export const knownViolations: readonly Known[] = []
