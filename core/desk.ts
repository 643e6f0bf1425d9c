/** The contacts of the Service Relation Client: one source for pages, mails and the realm's texts. */
import { defineConfig, text, type Config } from './config.ts'
import { describeOpeningHours, openingHours } from './opening-hours.ts'

export const deskConfig = defineConfig({
  DESK_TELEPHONE: {
    schema: text,
    description: 'Telephone number of the Service Relation Client, as printed.',
  },
  DESK_TELEPHONE_PRICE: { schema: text, description: 'Price of a call to that number, as printed.' },
  DESK_EMAIL: { schema: text, description: 'E-mail address of the Service Relation Client.' },
  DESK_OPENING_HOURS: {
    schema: openingHours,
    description:
      'Its opening hours in Paris, as `mon-fri 08:00-18:00` or `mon-thu 09:00-12:30 14:00-18:00, fri 09:00-12:30`. It is closed on the public holidays of France.',
  },
})

export type Desk = {
  telephone: string
  price: string
  email: string
  /** In words. */
  hours: Record<'fr' | 'en', string>
  /** The page of questions and answers. */
  helpUrl: string
}

export function readDesk(config: Config<typeof deskConfig> & { PROVIDER_URL: string }): Desk {
  const opening = config.DESK_OPENING_HOURS
  return {
    telephone: config.DESK_TELEPHONE,
    price: config.DESK_TELEPHONE_PRICE,
    email: config.DESK_EMAIL,
    hours: { fr: describeOpeningHours(opening, 'fr'), en: describeOpeningHours(opening, 'en') },
    helpUrl: `${config.PROVIDER_URL}/help`,
  }
}
