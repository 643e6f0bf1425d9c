/** The gate in front of scarce work: so many at once, so many waiting, and nobody else. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createGate, isBusy } from '../../provider/gate.ts'

it('lets so many in at once, in order, keeps so many waiting, and sends the next one away', async () => {
  const gate = createGate('test', { atOnce: 2, waiting: 3 })
  let inside = 0
  let most = 0
  const order: number[] = []
  const work = (n: number) =>
    gate.run(async () => {
      order.push(n)
      most = Math.max(most, ++inside)
      await sleep(5)
      inside--
      return n
    })
  const answers = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(work))
  expect(answers.slice(0, 5).map((a) => a.status === 'fulfilled' && a.value)).toEqual([1, 2, 3, 4, 5])
  expect(answers[5]?.status === 'rejected' && isBusy(answers[5].reason)).toBe(true)
  expect([most, order]).toEqual([2, [1, 2, 3, 4, 5]])
  expect(await work(7)).toBe(7)
})

it('gives the place on when work fails, whoever waits', async () => {
  const gate = createGate('test', { atOnce: 1, waiting: 5 })
  const fail = () => gate.run(() => Promise.reject(new Error('no')))
  const answers = await Promise.allSettled([fail(), fail(), gate.run(() => Promise.resolve('done'))])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  expect(await gate.run(() => Promise.resolve('again'))).toBe('again')
})
