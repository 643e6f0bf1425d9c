/**
 * The sample logins that people are told about: on the start screen, in the README, in the tests.
 * One for each thing worth trying.
 */

export type SampleLogin = {
  login: string
  password: string
  company: string
  sector: string
  town: readonly [postcode: string, city: string]
  /** ISO date. */
  signedOn: string
  /** What there is to see with it. */
  note: { fr: string; en: string }
  hash: 'bcrypt' | 'argon2id'
  /** How many persons use the login. */
  people: number
  disabled: boolean
  /** The company has no mail domain of its own. */
  freeMail?: true
  /** ISO time. */
  lastSignInAt: string
}

export const sampleLogins: readonly SampleLogin[] = [
  {
    login: 'transports.lefevre',
    password: 'Camion-Bleu-38',
    company: 'Transports Lefèvre & Fils',
    sector: 'Transport routier',
    town: ['38000', 'Grenoble'],
    signedOn: '2009-03-16',
    note: { fr: 'une personne, un identifiant', en: 'one person, one login' },
    hash: 'bcrypt',
    people: 1,
    disabled: false,
    lastSignInAt: '2026-10-29T08:12:00Z',
  },
  {
    login: 'cabinet.moreau',
    password: 'Lettre de change 1987',
    company: 'Cabinet Moreau & Associés',
    sector: 'Conseil et gestion',
    town: ['69003', 'Lyon'],
    signedOn: '2021-09-01',
    note: {
      fr: 'mot de passe récent (Argon2id), 10 000 sociétés en portefeuille',
      en: 'recent password (Argon2id), 10,000 companies in its portfolio',
    },
    hash: 'argon2id',
    people: 1,
    disabled: false,
    lastSignInAt: '2026-10-30T16:40:00Z',
  },
  {
    login: 'negoce.atlantique',
    password: 'Ocean2014',
    company: 'Négoce Atlantique',
    sector: 'Commerce de gros',
    town: ['44000', 'Nantes'],
    signedOn: '2012-05-21',
    note: { fr: 'identifiant partagé par cinq personnes', en: 'login shared by five people' },
    hash: 'bcrypt',
    people: 5,
    disabled: false,
    lastSignInAt: '2026-10-30T09:05:00Z',
  },
  {
    login: 'scierie.haut-jura',
    password: 'sapin39',
    company: 'Scierie du Haut-Jura',
    sector: 'Bois et ameublement',
    town: ['39000', 'Lons-le-Saunier'],
    signedOn: '2006-10-02',
    note: { fr: 'pas utilisé depuis 2014, toujours valable', en: 'not used since 2014, still good' },
    hash: 'bcrypt',
    people: 1,
    disabled: false,
    lastSignInAt: '2014-03-11T10:21:00Z',
  },
  {
    login: 'imprimerie.vasseur',
    password: 'Offset-4-couleurs',
    company: 'Imprimerie Vasseur',
    sector: 'Imprimerie',
    town: ['59800', 'Lille'],
    signedOn: '2021-02-08',
    note: { fr: 'identifiant désactivé : refusé', en: 'disabled login: refused' },
    hash: 'argon2id',
    people: 1,
    disabled: true,
    lastSignInAt: '2023-06-02T14:00:00Z',
  },
  {
    login: 'garage.lemoine',
    password: 'Vidange-2008',
    company: 'Garage Lemoine',
    sector: 'Commerce et réparation automobile',
    town: ['35000', 'Rennes'],
    signedOn: '2008-06-09',
    note: {
      fr: 'partagé par trois personnes, société sans domaine e-mail à elle',
      en: 'shared by three people, company without a mail domain of its own',
    },
    hash: 'bcrypt',
    people: 3,
    disabled: false,
    freeMail: true,
    lastSignInAt: '2026-10-28T17:20:00Z',
  },
]
