import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { configurationFile, renderConfiguration } from '../../dev/generate-docs.ts'

it('docs/configuration.md is what the definitions say; `npm run docs` makes it anew', async () => {
  expect(readFileSync(configurationFile, 'utf8')).toBe(await renderConfiguration())
})
