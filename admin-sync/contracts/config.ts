/** What carries contracts over: the Ellipro workspace that takes them, and where they come from. */
import { z } from 'zod'
import { defineConfig, publicUrl, secretText, text } from '../../core/config.ts'

export const workspaceConfig = defineConfig({
  WORKSPACE_URL: {
    schema: publicUrl,
    description:
      'Address of the API of the Ellipro workspace (docs/workspace-api.json), without `/contracts`.',
  },
  WORKSPACE_CLIENT_SECRET: {
    schema: secretText,
    secret: true,
    description: 'Secret of client admin-sync-workspace, with which contracts are carried to the workspace.',
  },
})

export const sourceConfig = defineConfig({
  CONTRACT_SOURCE: {
    schema: z.enum(['sql', 'files']),
    default: 'sql',
    description:
      'Where contracts come from: `sql`, the database of Cofacering, followed while it is in use; `files`, exports that an operator imports.',
  },
  LEGACY_QUERIES_FILE: {
    schema: text,
    optional: true,
    description:
      'JSON file of the queries that read contracts from the database of Cofacering (docs/contracts.md); without it the views of dev/cofacering/schema.sql.',
  },
})
