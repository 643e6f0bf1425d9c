/** What becomes of texts, statuses and cursors on their way to a help desk and back. */
import { describe, expect, test } from 'vitest'
import { htmlToText } from '../../../admin-sync/tickets/html-text.ts'
import { quote } from '../../../admin-sync/tickets/rt/client.ts'
import { advance, decodeCursor, encodeCursor, overlapSeconds } from '../../../admin-sync/tickets/rt/cursor.ts'
import { defaultStatusMap, fromRt, statusMap, toRt } from '../../../admin-sync/tickets/rt/status.ts'
import { toBody, toSubject } from '../../../admin-sync/tickets/typed-text.ts'
import { hostileTexts } from './hostile.ts'

describe('a subject', () => {
  test.each([
    ['short', 'short'],
    ['  spaced  ', 'spaced'],
    ['two\r\nlines\n\nBcc: a@b', 'two lines Bcc: a@b'],
    ['a\u0000b\u2028c\u0085d\te', 'a b c d e'],
    ['é'.repeat(10), 'é'.repeat(10)],
    ['é'.repeat(11), `${'é'.repeat(8)}…`],
    ['a'.repeat(20), 'a'.repeat(20)],
    ['a'.repeat(21), `${'a'.repeat(17)}…`],
    ['👨‍👩‍👧‍👦👨‍👩‍👧‍👦', '…'],
    ['ab 👨‍👩‍👧‍👦', 'ab…'],
    ['\ud800', '\ufffd'],
    ['', ''],
  ])('of %j is one line of at most 20 bytes, cut between characters', (typed, expected) => {
    expect(toSubject(typed, 20)).toBe(expected)
  })

  test.each(hostileTexts)('of %s fits into 200 bytes and has no line end', (_name, typed) => {
    for (const text of [typed, typed.repeat(50)]) {
      const subject = toSubject(text, 200)
      expect(Buffer.byteLength(subject)).toBeLessThanOrEqual(200)
      expect(subject).toBe(subject.toWellFormed())
      expect(subject.split(/\p{Cc}|\p{Zl}|\p{Zp}/u)).toHaveLength(1)
    }
  })
})

test('a body keeps everything but what JSON and databases refuse', () => {
  expect(toBody('a\r\nb\rc\td\u0000\u0007\ud800 <b>é 😀')).toBe('a\nb\nc\td\ufffd <b>é 😀')
})

test.each([
  ['<p>Bonjour</p>\n<p>Merci<br />bien</p>', 'Bonjour\nMerci\nbien'],
  ['a<script>evil()</script><style>p{}</style><!-- c -->b', 'ab'],
  ['a<script>never closed', 'a'],
  [
    '&lt;b&gt; &amp;eacute; &eacute;&Agrave;&ccedil; &#233;&#xE9; &#0; &#x110000; &nope; &nbsp;|',
    '<b> &eacute; éÀç éé &#0; &#x110000; &nope;  |',
  ],
  ['1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
  ['<div>a</div><div><br></div><div>b</div>', 'a\n\nb'],
])('HTML %j reads as %j', (html, text) => {
  expect(htmlToText(html)).toBe(text)
})

test('a text in TicketSQL ends where it ends', () => {
  expect(quote(String.raw`it's \ "x"`)).toBe(String.raw`'it\'s \\ "x"'`)
})

describe('statuses', () => {
  const map = statusMap.parse('waiting=stalled|Pending Customer,closed=archived')

  test.each([
    ['new', 'new'],
    ['STALLED', 'waiting'],
    ['pending customer', 'waiting'],
    ['archived', 'closed'],
    ['escalated', 'open'],
  ])('RT’s %s is our %s', (raw, ours) => {
    expect(fromRt(map, raw)).toBe(ours)
  })

  test('are written as the first that means them', () => {
    expect(
      (['new', 'open', 'waiting', 'resolved', 'rejected', 'closed'] as const).map((s) => toRt(map, s)),
    ).toEqual(['new', 'open', 'stalled', 'resolved', 'rejected', 'archived'])
    const byDefault = statusMap.parse(defaultStatusMap)
    expect(toRt(byDefault, 'closed')).toBe('resolved')
    expect(fromRt(byDefault, 'resolved')).toBe('resolved')
  })

  test.each(['solved=x', 'waiting', 'waiting=', 'waiting=a||b', 'rejected=deleted', "open=o'pen", '='])(
    'refuse the map %j',
    (text) => {
      expect(statusMap.safeParse(text).success).toBe(false)
    },
  )
})

describe('the cursor', () => {
  const now = new Date('2026-11-24T12:00:00Z')
  const row = (id: number, secondsAgo: number) => ({
    id,
    createdAt: new Date(now.getTime() - secondsAgo * 1000),
  })
  const old = overlapSeconds + 1

  test('goes past what is old, and remembers what was told of the rest', () => {
    const rows = [row(5, old), row(9, old), row(12, 3), row(40, 2)]
    expect(advance({ low: 1, seen: [] }, rows, now)).toEqual({ low: 9, seen: [12, 40] })
    expect(advance({ low: 1, seen: [5] }, [], now)).toEqual({ low: 1, seen: [] })
    expect(advance({ low: 1, seen: [5, 9] }, [row(5, old), row(9, old)], now)).toEqual({ low: 9, seen: [] })
  })

  test('stays below a young row, so that one which appears late under it is told', () => {
    const { low, seen } = advance({ low: 1, seen: [] }, [row(7, 2), row(9, old)], now)
    expect(low).toBe(1)
    expect(seen).toEqual([7, 9])
  })

  test('is taken back as it was given', () => {
    for (const cursor of [
      { low: 0, seen: [] },
      { low: 123, seen: [124, 125, 200, 9999] },
      { low: 7, seen: Array.from({ length: 300 }, (_, i) => 8 + i * 3) },
    ])
      expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor)
  })

  test.each(['', 'none', '2|1|', '1|x|', '1|1', '1|1|,', "1|1|2' OR 1=1", '1|9999999999999999|'])(
    'that is %j is not ours',
    (text) => {
      expect(decodeCursor(text)).toBeUndefined()
    },
  )
})
