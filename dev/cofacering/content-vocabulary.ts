/** The words that contracts of sample customers are filled with. Invented, as those of vocabulary.ts. */

/** What each price list gives. Prices in euros; `companies` and `countries`: from, to. */
export const products = {
  Découverte: {
    reports: ['essentiel'],
    analyses: [],
    score: false,
    countries: [0, 2],
    companies: [3, 15],
  },
  Confort: {
    reports: ['essentiel', 'efficient'],
    analyses: ['classic'],
    score: true,
    countries: [2, 8],
    companies: [10, 60],
  },
  'Grand compte': {
    reports: ['essentiel', 'efficient', 'expert'],
    analyses: ['classic', 'optimum'],
    score: true,
    countries: [12, 45],
    companies: [30, 120],
  },
} as const

/** Usual price of each item; a contract has some below it. */
export const items = [
  ['rapport-essentiel', 12.5],
  ['rapport-efficient', 24.9],
  ['rapport-expert', 59],
  ['analyse-classic', 145],
  ['analyse-optimum', 320],
  ['surveillance', 1.15],
  ['enquête à l’étranger', 89.9],
] as const

/** Nearest markets first: a contract has the first ones. */
export const markets =
  'BE DE IT ES CH LU NL GB PT AT PL IE DK SE CZ MA TN DZ US CA FI NO HU RO GR SK SI HR BG EE LV LT CY MT TR SN CI CM JP CN IN BR MX AU ZA GF RE'.split(
    ' ',
  )

/** Registers abroad: `#` is a digit. `{}` takes a surname of there. */
export const abroad = [
  {
    country: 'DE',
    number: 'HRB 0#####',
    surnames: ['Müller', 'Schröder', 'Groß', 'Weiß'],
    names: ['{} Maschinenbau GmbH', 'Spedition {} KG', '{} & Söhne GmbH & Co. KG'],
  },
  {
    country: 'BE',
    number: '0000.###.###',
    surnames: ['De Smedt', 'Peeters', 'Lambrechts'],
    names: ['{} & Zonen BV', 'Brasserie {} SRL', '{} Logistics NV'],
  },
  {
    country: 'IT',
    number: '0000#######',
    surnames: ['D’Angelo', 'Esposito', 'Nicolò'],
    names: ['{} Tessuti S.r.l.', 'Officine {} S.p.A.', 'Fratelli {} S.n.c.'],
  },
  {
    country: 'ES',
    number: 'B00######',
    surnames: ['Núñez', 'Ibáñez', 'García'],
    names: ['Aceites {} S.L.', 'Transportes {} S.A.'],
  },
  {
    country: 'CH',
    number: 'CHE-000.###.###',
    surnames: ['Zürcher', 'Favre', 'Bär'],
    names: ['{} Präzision AG', 'Fromages {} Sàrl'],
  },
  {
    country: 'PL',
    number: '000#######',
    surnames: ['Wójcik', 'Łukaszewicz', 'Żak'],
    names: ['{} Trans Sp. z o.o.', 'Zakłady {} S.A.'],
  },
  {
    country: 'GB',
    number: '00######',
    surnames: ['O’Neill', 'Smith', 'Llewellyn'],
    names: ['{} & Daughters Ltd', '{} Freight plc'],
  },
  {
    country: 'CZ',
    number: '00######',
    surnames: ['Dvořák', 'Černý'],
    names: ['{} Sklo s.r.o.', 'Pivovar {} a.s.'],
  },
  {
    country: 'GR',
    number: '000######',
    surnames: ['Παπαδόπουλος', 'Νικολάου'],
    names: ['{} Ναυτιλία Α.Ε.', 'Ελαιώνες {} Ο.Ε.'],
  },
] as const

/** How customers call the companies of their portfolio. `#` is a digit. */
export const references = ['C-####', 'CLT0####', 'Compte n° ###', 'fournisseur ###', '411#####'] as const

export const messageSenders = [
  'Service Relation Client Cofacering',
  'Alertes Cofacering',
  'Facturation Cofacering',
] as const

/** `{}` takes a company of the portfolio. `attach`: what comes with it. */
export const messageKinds = [
  {
    subject: 'Alerte : {}',
    body: 'Bonjour,\n\nUne procédure collective a été publiée pour {}.\nConsultez le rapport avant votre prochaine livraison.\n\nVotre service Alertes',
    attach: [],
  },
  {
    subject: 'Votre rapport sur {} est prêt',
    body: 'Bonjour,\n\nLe rapport que vous avez demandé sur {} est joint à ce message.\n\nBien à vous,\nle Service Relation Client',
    attach: ['pdf'],
  },
  {
    subject: 'Relevé de vos consultations',
    body: 'Bonjour,\n\nVous trouverez ci-joint le relevé du mois, avec le détail par société.\nTotal hors taxes : 148,50 €.\n\nLa facturation',
    attach: ['csv', 'pdf'],
  },
  {
    subject: 'Re: question sur l’encours de {}',
    body: 'Bonjour,\n\nVous demandiez :\n> Peut-on aller jusqu’à 30 000 € ?\n\nFrom our side, nothing speaks against it.\nÀ réception de leurs comptes, nous reverrons la limite. 🙂\n',
    attach: [],
  },
  {
    subject: null,
    body: 'Message automatique : votre mot de passe Cofacering n’a pas changé depuis plus d’un an.',
    attach: [],
  },
  {
    subject: 'Fermeture annuelle — « Cofacering » ne répondra pas du 24 au 26 décembre',
    body: 'Bonjour,\n\nNos équipes seront absentes pour les fêtes.\nLes alertes, elles, continuent.\n\nJoyeuses fêtes !',
    attach: ['csv'],
  },
] as const
