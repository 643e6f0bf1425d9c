/** The screen that `npm start` ends with: what runs where, who can sign in, what to try first. French or English. */
import { sampleLogins } from './cofacering/sample-logins.ts'
import { sampleAgents } from './sample-agents.ts'
import type { Secrets } from './secrets.ts'

export type Welcome = {
  portalUrl: string
  secondApplicationUrl: string
  providerUrl: string
  inboxUrl: string
  keycloakUrl: string
  realm: string
  administrator: { username: string; password: string }
  /** The agents' pages. */
  staffUrl: string
  passwords: Pick<Secrets, (typeof sampleAgents)[number]['password']>
  /** Address to which tickets are mailed. */
  ticketsTo: string
  database: string
  folder: string
  seconds: string
}
type Language = 'fr' | 'en'

const texts = {
  fr: {
    running: (s: string) => `Ellipro fonctionne (prêt en ${s}). Ctrl-C arrête tout, sans rien perdre.`,
    first: 'À essayer d’abord',
    steps: (w: Welcome, login: string, password: string) => [
      `Ouvrez le portail ${w.portalUrl} et choisissez « Je viens de Cofacering ».`,
      `Connectez-vous comme d’habitude : ${login} / ${password}`,
      'Donnez une adresse e-mail (n’importe laquelle) et choisissez un mot de passe.',
      `Ouvrez la boîte de réception ${w.inboxUrl} et suivez le lien de l’e-mail.`,
      'Saisissez encore une fois ce mot de passe : vous êtes sur Ellipro.',
    ],
    where: 'Où se trouve quoi',
    portal: 'Portail Ellipro',
    second: 'Deuxième application',
    provider: 'Connexion Cofacering',
    inbox: 'Boîte de réception',
    console: 'Console Keycloak',
    administrator: 'administrateur',
    database: 'PostgreSQL',
    files: 'Données et journaux',
    logins: 'Identifiants Cofacering',
    desk: 'Pour le Service Relation Client',
    staff: 'Pages des conseillers',
    migration: 'Migration en chiffres',
    agents: 'Conseillers et pilotage',
    share: 'Ensuite, un identifiant partagé',
    shareSteps: (w: Welcome, login: string, password: string, agent: string) => [
      `Activez ${login} / ${password} avec une première adresse, comme ci-dessus.`,
      `Dans une autre fenêtre privée, connectez-vous à Cofacering avec le même identifiant : il a déjà son titulaire.`,
      'Demandez votre propre accès avec une seconde adresse, et suivez le lien de l’e-mail.',
      `Le ticket arrive dans la boîte de réception (${w.ticketsTo}). Dans une troisième fenêtre, suivez son lien et connectez-vous : ${agent}`,
      'Ouvrez l’accès. La seconde personne reçoit son e-mail, choisit un mot de passe, et se trouve sur Ellipro.',
    ],
  },
  en: {
    running: (s: string) => `Ellipro is running (ready in ${s}). Ctrl-C stops everything and loses nothing.`,
    first: 'Try this first',
    steps: (w: Welcome, login: string, password: string) => [
      `Open the portal ${w.portalUrl} and choose "I come from Cofacering".`,
      `Sign in as usual: ${login} / ${password}`,
      'Give an e-mail address (any will do) and choose a password.',
      `Open the inbox ${w.inboxUrl} and follow the link in the mail.`,
      'Type that password once more: you are on Ellipro.',
    ],
    where: 'What is where',
    portal: 'Ellipro portal',
    second: 'Second application',
    provider: 'Cofacering sign-in',
    inbox: 'Inbox',
    console: 'Keycloak console',
    administrator: 'administrator',
    database: 'PostgreSQL',
    files: 'Data and logs',
    logins: 'Cofacering logins',
    desk: 'For the Service Relation Client',
    staff: 'Agents’ pages',
    migration: 'The move in numbers',
    agents: 'Agents and lead',
    share: 'Then, a login that people share',
    shareSteps: (w: Welcome, login: string, password: string, agent: string) => [
      `Activate ${login} / ${password} with a first address, as above.`,
      'In another private window, sign in to Cofacering with the same login: it has its holder already.',
      'Ask for an access of your own with a second address, and follow the link in the mail.',
      `The ticket arrives in the inbox (${w.ticketsTo}). In a third window, follow its link and sign in: ${agent}`,
      'Open the access. The second person gets a mail, chooses a password, and is on Ellipro.',
    ],
  },
}

/** French when the terminal is (LC_ALL, LC_MESSAGES, LANG), else English. */
export function chooseTerminalLanguage(env: NodeJS.ProcessEnv): Language {
  return (env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '').startsWith('fr') ? 'fr' : 'en'
}

export function renderWelcome(welcome: Welcome, language: Language): string {
  const t = texts[language]
  const [sample] = sampleLogins
  const places: [string, string][] = [
    [t.portal, welcome.portalUrl],
    [t.second, welcome.secondApplicationUrl],
    [t.provider, welcome.providerUrl],
    [t.staff, welcome.staffUrl],
    [t.migration, `${welcome.staffUrl}/migration`],
    [t.inbox, welcome.inboxUrl],
    [t.console, `${welcome.keycloakUrl}/admin/master/console/#/${welcome.realm}`],
    [`  ${t.administrator}`, `${welcome.administrator.username} / ${welcome.administrator.password}`],
    [t.database, welcome.database],
    [t.files, welcome.folder],
  ]
  const placeWidth = Math.max(...places.map(([name]) => name.length)) + 3
  const loginWidth = Math.max(...sampleLogins.map(({ login }) => login.length)) + 3
  const passwordWidth = Math.max(...sampleLogins.map(({ password }) => password.length)) + 3
  const steps = t.steps(welcome, sample?.login ?? '', sample?.password ?? '')
  const shared = sampleLogins.find(({ people }) => people > 1)
  const agents = sampleAgents.map(({ address, password, note }) => [
    address,
    welcome.passwords[password],
    note[language],
  ])
  const shareSteps = t.shareSteps(
    welcome,
    shared?.login ?? '',
    shared?.password ?? '',
    `${agents[0]?.[0]} / ${agents[0]?.[1]}`,
  )
  const addressWidth = Math.max(...sampleAgents.map(({ address }) => address.length)) + 3
  return [
    '',
    '─'.repeat(96),
    `  ${t.running(welcome.seconds)}`,
    '',
    `  ${t.first}`,
    ...steps.map((step, index) => `    ${index + 1}. ${step}`),
    '',
    `  ${t.share}`,
    ...shareSteps.map((step, index) => `    ${index + 1}. ${step}`),
    '',
    `  ${t.where}`,
    ...places.map(([name, place]) => `    ${name.padEnd(placeWidth)}${place}`),
    '',
    `  ${t.logins}`,
    ...sampleLogins.map(
      ({ login, password, note }) =>
        `    ${login.padEnd(loginWidth)}${password.padEnd(passwordWidth)}${note[language]}`,
    ),
    '',
    `  ${t.agents}`,
    ...agents.map(
      ([address = '', password = '', note]) =>
        `    ${address.padEnd(addressWidth)}${password.padEnd(15)}${note}`,
    ),
    '',
    `  ${t.desk}`,
    `    npm run admin-sync -- status`,
    `    npm run admin-sync -- find ${sample?.login ?? ''}`,
    `    npm run admin-sync -- cases list`,
    '─'.repeat(96),
    '',
  ].join('\n')
}
