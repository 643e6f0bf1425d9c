import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { digestContract } from '../../admin-sync/contracts/digest.ts'
import { contractDigestFile, renderContractDigest } from '../../dev/contract-digest-vectors.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

const page = readFileSync(contractDigestFile, 'utf8')

it('docs/contract-digest.md has the vectors of digest.ts; `npm run docs` makes them anew', async () => {
  expect(page).toBe(await renderContractDigest())
})

it('whoever follows the page alone, from the records that it shows, comes to its digests', () => {
  const vectors = page.split('\n### ').slice(1)
  expect(vectors.length).toBeGreaterThan(2)
  for (const vector of vectors) {
    const records = /```text\n([^`]*)```/.exec(vector)?.[1]?.trimEnd().split('\n') ?? []
    const lines = [...vector.matchAll(/^\| (\w+) +\| (\d+) +\| `(\w+)` \|$/gm)].map(
      ([, section, count, digest]) => {
        const own = records.filter((line) => line.startsWith(`${section}: `))
        expect(own).toHaveLength(Number(count))
        expect(
          sha256(own.map((line) => `${line.slice(`${section}: `.length).replaceAll('→', '\t')}\n`).join('')),
        ).toBe(digest)
        return `${section}\t${count}\t${digest}\n`
      },
    )
    expect(lines).toHaveLength(5)
    const whole = sha256(`ellipro-contract-1\n${lines.join('')}`)
    expect(vector).toContain(`\`${whole}\``)
    const document = /```json\n([^`]*)```/.exec(vector)?.[1] ?? ''
    expect(digestContract(JSON.parse(document) as Parameters<typeof digestContract>[0]).digest).toBe(whole)
  }
})
