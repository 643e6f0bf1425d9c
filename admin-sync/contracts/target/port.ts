/** The Ellipro workspace, as transfer and comparison see it. http.ts is the implementation. */
import type { ContractDigest } from '../digest.ts'
import type { ContractDocument } from '../model.ts'

/** What the workspace says of a contract that it has. */
export type WorkspaceDigest = ContractDigest & {
  contract: string
  /** Of what was received last, computed from what was stored then. */
  received: { digest: string; at: string; final: boolean }
  /** When somebody changed it on Ellipro; `null`: nobody since it was received. */
  changedAt: string | null
}

/** Every method throws UpstreamError('workspace'): `retry` when it could not be asked, `fail` when it said no. */
export type Workspace = {
  /**
   * Stores the contract as a whole, or nothing. Repeating it changes nothing.
   * @param digest digestContract(document).digest, which the workspace must reach from what it has stored
   * @param final the last one: from now on the workspace refuses every other content (code `contract_frozen`)
   * @param version tells a content apart from the same one of another time, which was replaced meanwhile
   * @returns the digest that the workspace computed
   */
  put(
    document: ContractDocument,
    digest: string,
    options: { final: boolean; version?: string },
  ): Promise<string>
  /** `undefined`: it has no such contract. */
  readDigest(contract: string): Promise<WorkspaceDigest | undefined>
  /** `undefined`: it has no such contract. */
  read(contract: string): Promise<ContractDocument | undefined>
  /** Digests in order of the contracts' bytes, after the given one; an empty list is the end. */
  listDigests(after: string, limit: number): Promise<WorkspaceDigest[]>
}
