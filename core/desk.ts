/** The contacts of the Service Relation Client: one source for pages, mails and the realm's texts. */
import { defineConfig, text, type Config } from './config.ts'

export const deskConfig = defineConfig({
  DESK_TELEPHONE: {
    schema: text,
    description: 'Telephone number of the Service Relation Client, as printed.',
  },
  DESK_TELEPHONE_PRICE: { schema: text, description: 'Price of a call to that number, as printed.' },
  DESK_EMAIL: { schema: text, description: 'E-mail address of the Service Relation Client.' },
  DESK_HOURS_FR: { schema: text, description: 'Opening hours in French, as printed.' },
  DESK_HOURS_EN: { schema: text, description: 'Opening hours in English, as printed.' },
})

export type Desk = { telephone: string; price: string; email: string; hours: Record<'fr' | 'en', string> }

export function readDesk(config: Config<typeof deskConfig>): Desk {
  return {
    telephone: config.DESK_TELEPHONE,
    price: config.DESK_TELEPHONE_PRICE,
    email: config.DESK_EMAIL,
    hours: { fr: config.DESK_HOURS_FR, en: config.DESK_HOURS_EN },
  }
}
