/** What RT's answers have to look like to be believed. Whatever else they hold is left alone. */
import { z } from 'zod'

/** RT writes the same id as a number in one answer and as a text in the next. */
const id = z.union([z.number().int().positive(), z.string().regex(/^[1-9]\d{0,14}$/)]).transform(String)
const user = z.object({ id: z.string() })
/** An empty text where the ticket has none that we may see. */
const fields = z.union([
  z.array(z.object({ name: z.string(), values: z.array(z.unknown()) })),
  z.literal('').transform(() => []),
])
/** A text, a number, nothing, or what it names. */
const value = z
  .union([z.string(), z.number(), z.object({ id }), z.unknown()])
  .transform((it) =>
    typeof it === 'string' || typeof it === 'number'
      ? String(it)
      : typeof it === 'object' && it !== null && 'id' in it
        ? String(it.id)
        : '',
  )

const ticket = z.object({
  id,
  Subject: z.string().nullish(),
  Status: z.string().min(1),
  Owner: user,
  Creator: user,
  CustomFields: fields,
})
export type RtTicket = z.infer<typeof ticket>

export const oneTicket = ticket
/** Fields to ask for in a search, so that its items are whole. */
export const ticketFields = 'Subject,Status,Owner,Creator,CustomFields'
export const ticketPage = z.object({ items: z.array(ticket) })
export const created = z.object({ id, type: z.literal('ticket') })
/** Sentences in the user's language: nobody reads them. */
export const sentences = z.array(z.unknown())

const transaction = z.object({
  id: id.transform(Number),
  ObjectId: id,
  Type: z.string(),
  Field: z.string().nullish(),
  NewValue: value,
  Creator: user,
  Created: z
    .string()
    .transform((text) => new Date(text))
    .refine((at) => !Number.isNaN(at.getTime())),
})
export type Transaction = z.infer<typeof transaction>
export const transactionFields = 'ObjectId,Type,Field,NewValue,Creator,Created'
export const transactionPage = z.object({ items: z.array(transaction) })

export const attachmentPage = z.object({
  items: z.array(
    z.object({
      id,
      TransactionId: z.union([z.string(), z.number()]).transform(Number),
      ContentType: z.string().nullish(),
      Filename: z.string().nullish(),
      Content: z.string().nullish(),
    }),
  ),
})
export const anyPage = z.object({ items: z.array(z.object({ id })) })

/** Only about oneself does RT tell more than a name. */
export const account = z.object({ Name: z.string().min(1), Lang: z.string().nullish() })
export const namedUser = z.object({ Name: z.string().min(1) })
export const version = z.object({ Version: z.string() })
export const queue = z.object({
  id,
  Name: z.string(),
  Disabled: z
    .union([z.string(), z.number()])
    .nullish()
    .transform((disabled) => String(disabled ?? '0') !== '0'),
  TicketCustomFields: z.array(z.object({ name: z.string().nullish() })),
  _hyperlinks: z.array(z.object({ ref: z.string() })),
})
/** What our account may do with each ticket. */
export const linksPage = z.object({
  items: z.array(
    z
      .object({ _hyperlinks: z.array(z.object({ ref: z.string() })) })
      .transform(({ _hyperlinks: links }) => ({ links: links.map(({ ref }) => ref) })),
  ),
})
