/**
 * Texts of the realm: the desk's contacts, the way back to an activation, the two refusals of our flows, and the labels of the user profile in the
 * console. Texts added in the console are left alone; these keys are ours.
 */
import type { Language } from '../../core/text.ts'
import { describeClosing } from '../../core/closing.ts'
import type { RealmConfig } from './config.ts'

/** Keys and texts of one language. */
export function describeTexts(
  { desk, providerUrl, closing }: Pick<RealmConfig, 'desk' | 'providerUrl' | 'closing'>,
  language: Language,
): Record<string, string> {
  return {
    // Where the theme leads from an expired link, for which Keycloak knows no client any more.
    activationUrl: `${providerUrl}/activation/continue`,
    deskTelephone: escape(desk.telephone),
    deskTelephonePrice: escape(desk.price),
    deskEmail: escape(desk.email),
    deskHours: escape(desk.hours[language]),
    helpUrl: escape(desk.helpUrl),
    ...messages[language],
    // The theme shows it on the login page, and nothing for a hyphen: texts are replaced here and never taken away.
    cofaceringClosing: closing
      ? (closing.over ? closed : closes)[language](describeClosing(closing.at, language))
      : '-',
    ...(closing?.over && afterClosing[language]),
    ...Object.fromEntries(
      Object.entries(labels).map(([key, text]) => [`ellipro.profile${key && `.${key}`}`, text[language]]),
    ),
  }
}

/** Keycloak reads every text as a MessageFormat pattern: a straight apostrophe would vanish, a brace would fail. */
function escape(text: string): string {
  return text.replaceAll("'", '’').replaceAll(/[{}]/g, "'$&'")
}

const messages: Record<Language, Record<string, string>> = {
  fr: {
    accountPending:
      'Votre demande est en attente de confirmation. Ouvrez l’e-mail que nous vous avons envoyé et suivez son lien, puis saisissez le mot de passe que vous avez choisi. Rien reçu ? Reconnectez-vous avec votre identifiant Cofacering pour recevoir un nouvel e-mail.',
    cofaceringNotLinked:
      'Votre identifiant Cofacering n’ouvre plus Ellipro directement. Connectez-vous avec votre adresse e-mail et votre mot de passe Ellipro. Pas encore d’accès ? Reprenez depuis la page de connexion Cofacering.',
  },
  en: {
    accountPending:
      'Your request is waiting for your confirmation. Open the e-mail that we sent you and follow its link, then enter the password that you chose. Nothing received? Sign in with your Cofacering login again to receive a new e-mail.',
    cofaceringNotLinked:
      'Your Cofacering login no longer opens Ellipro directly. Sign in with your e-mail address and your Ellipro password. No account yet? Start again from the Cofacering sign-in page.',
  },
}

const closes: Record<Language, (when: string) => string> = {
  fr: (when) => `Cofacering ferme le ${when} : ouvrez votre accès Ellipro avant cette date.`,
  en: (when) => `Cofacering closes on ${when}: open your Ellipro account before that.`,
}
const closed: Record<Language, (when: string) => string> = {
  fr: (when) =>
    `Cofacering est fermé depuis le ${when}. Si vous n’avez pas encore d’accès Ellipro, contactez le Service Relation Client : il vous en ouvre un.`,
  en: (when) =>
    `Cofacering has been closed since ${when}. If you have no Ellipro account yet, contact the Service Relation Client, which opens one for you.`,
}
/** What sends people to the Cofacering login otherwise; the last two are the theme's. */
const afterClosing: Record<Language, Record<string, string>> = {
  fr: {
    accountPending:
      'Votre demande est en attente de confirmation. Ouvrez l’e-mail que nous vous avons envoyé et suivez son lien, puis saisissez le mot de passe que vous avez choisi. Rien reçu ? Contactez le Service Relation Client, qui vous le renvoie.',
    cofaceringNotLinked:
      'Votre identifiant Cofacering n’ouvre plus Ellipro. Connectez-vous avec votre adresse e-mail et votre mot de passe Ellipro. Pas encore d’accès ? Contactez le Service Relation Client.',
    ellForgotHint:
      'Cofacering est fermé : son mot de passe ne sert plus. Sans accès Ellipro, contactez le Service Relation Client.',
    expiredActionTokenNoSessionMessage:
      'Le lien a expiré ou a déjà servi. Demandez un nouveau mot de passe si votre accès Ellipro est déjà ouvert ; sinon, contactez le Service Relation Client.',
  },
  en: {
    accountPending:
      'Your request is waiting for your confirmation. Open the e-mail that we sent you and follow its link, then enter the password that you chose. Nothing received? Contact the Service Relation Client, which sends it again.',
    cofaceringNotLinked:
      'Your Cofacering login no longer opens Ellipro. Sign in with your e-mail address and your Ellipro password. No account yet? Contact the Service Relation Client.',
    ellForgotHint:
      'Cofacering is closed: its password is of no use any more. Without an Ellipro account, contact the Service Relation Client.',
    expiredActionTokenNoSessionMessage:
      'The link has expired or was used before. Ask for a new password if your Ellipro account is open already; otherwise contact the Service Relation Client.',
  },
}

const yes = { fr: 'Oui', en: 'Yes' }
const no = { fr: 'Non', en: 'No' }
const labels: Record<string, Record<Language, string>> = {
  '': { fr: 'Ellipro', en: 'Ellipro' },
  description: {
    fr: 'Champs tenus par Ellipro : activation, contrat, identifiant partagé, droits.',
    en: 'Fields kept by Ellipro: activation, contract, shared login, entitlements.',
  },
  activation: { fr: 'Activation', en: 'Activation' },
  'activation.pending': { fr: 'En attente', en: 'Pending' },
  activation_record: { fr: 'Référence interne', en: 'Internal reference' },
  activation_login: { fr: 'Identifiant cité dans l’e-mail', en: 'Login quoted in the e-mail' },
  activation_kind: { fr: 'Origine citée dans l’e-mail', en: 'Origin quoted in the e-mail' },
  'activation_kind.legacy': { fr: 'Demande de la personne', en: 'Asked by the person' },
  'activation_kind.granted': { fr: 'Accès ouvert par un agent', en: 'Opened by an agent' },
  activation_company: { fr: 'Société citée dans l’e-mail', en: 'Company quoted in the e-mail' },
  activation_withdraw: { fr: 'Lien « ce n’était pas moi »', en: 'Link “it was not me”' },
  cofacering_login: { fr: 'Identifiant Cofacering', en: 'Cofacering login' },
  contract: { fr: 'Contrat', en: 'Contract' },
  company: { fr: 'Société', en: 'Company' },
  shared_login: { fr: 'Identifiant partagé', en: 'Shared login' },
  'shared_login.true': { fr: 'Oui, partagé', en: 'Yes, shared' },
  'shared_login.false': no,
  ticket: { fr: 'Ticket', en: 'Ticket' },
  ticket_status: { fr: 'État du ticket', en: 'Ticket status' },
  'ticket_status.open': { fr: 'Ouvert', en: 'Open' },
  'ticket_status.waiting': { fr: 'En attente', en: 'Waiting' },
  'ticket_status.solved': { fr: 'Résolu', en: 'Solved' },
  'ticket_status.closed': { fr: 'Fermé', en: 'Closed' },
  contracts_claim: { fr: 'Contrats annoncés aux applications', en: 'Contracts told to applications' },
  contracts_total: { fr: 'Nombre de contrats', en: 'Number of contracts' },
  reports: { fr: 'Rapports', en: 'Reports' },
  'reports.essentiel': { fr: 'Essentiel', en: 'Essentiel' },
  'reports.efficient': { fr: 'Efficient', en: 'Efficient' },
  'reports.expert': { fr: 'Expert', en: 'Expert' },
  score: { fr: 'Score', en: 'Score' },
  'score.true': yes,
  'score.false': no,
  analyses: { fr: 'Analyses', en: 'Analyses' },
  'analyses.classic': { fr: 'Classic', en: 'Classic' },
  'analyses.optimum': { fr: 'Optimum', en: 'Optimum' },
  countries: { fr: 'Nombre de pays', en: 'Number of countries' },
}
