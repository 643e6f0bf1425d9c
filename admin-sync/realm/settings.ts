/**
 * The realm's own settings, each security-relevant one with its reason. Keys that do not stand here are the
 * administrator's (session lengths, headers, OTP policy, …).
 */
import { keycloakPasswordPolicy } from '../../core/password-policy.ts'
import { atLeast, off } from './compare.ts'
import type { RealmConfig } from './config.ts'
import { browserFlow, directGrantFlow, resetFlow } from './flows.ts'
import type { Server } from './stage.ts'

const hour = 3600
const day = 24 * hour

/** Name of our theme for login pages and mails; the stock one stays where the server does not have it. */
export const themeName = 'ellipro'

export function describeSettings(config: RealmConfig, server: Server): Record<string, unknown> {
  return {
    displayName: 'Ellipro',
    // Tokens and passwords over plain http only on loopback and private networks (behind a proxy that ends TLS).
    sslRequired: 'external',

    // Accounts come from an activation or from an administrator. A registration form would make accounts whose
    // mailbox nobody proved, before the rightful owner of the address comes.
    registrationAllowed: false,
    // One identifier a person: the address. Two could be made to point at two people.
    registrationEmailAsUsername: true,
    loginWithEmailAllowed: true,
    duplicateEmailsAllowed: false,
    // Shows the link "change my e-mail" in the account console. Safe only while required action UPDATE_EMAIL is on
    // with `verifyEmail` (required-actions.ts, which is therefore applied first): with the action off, this would let
    // a session change address and username at once, with no mail to anybody.
    editUsernameAllowed: true,
    // Nobody gets past Keycloak's forms with an address that was not proved.
    verifyEmail: true,
    // People forget passwords; pending users are refused inside this flow (flows.ts).
    resetPasswordAllowed: true,
    passwordPolicy: keycloakPasswordPolicy,

    // Guessing at the form: after 10 failures one more minute for each, up to a quarter of an hour. Never a permanent
    // lock: anybody could lock anybody. (It also refuses two sign-ins of one user at the same instant.)
    bruteForceProtected: true,
    permanentLockout: false,
    failureFactor: 10,
    waitIncrementSeconds: 60,
    maxFailureWaitSeconds: 900,
    minimumQuickLoginWaitSeconds: 60,
    quickLoginCheckMilliSeconds: 1000,
    maxDeltaTimeSeconds: 12 * hour,

    // The first organization would turn the sign-in of everybody into two pages.
    organizationsEnabled: false,
    // The operator account is bounded by fine-grained permissions (permissions.ts).
    adminPermissionsEnabled: true,
    // People do not share resources with one another here.
    userManagedAccessAllowed: false,

    // Links: an administrator's own mails live 12 hours; a confirmation asked for at sign-in a day, because mail is
    // slow and held in quarantine; a new password or a new address an hour, because those links are the account.
    actionTokenGeneratedByAdminLifespan: 12 * hour,
    attributes: {
      'actionTokenGeneratedByUserLifespan.verify-email': String(day),
      'actionTokenGeneratedByUserLifespan.reset-credentials': String(hour),
      // Keycloak's five minutes are less than some mail takes.
      'actionTokenGeneratedByUserLifespan.update-email': String(hour),
      // Administrator events are kept as long as user events.
      adminEventsExpiration: String(90 * day),
    },

    // Each refuses a user whose activation is pending; the stock flows know nothing of it.
    browserFlow,
    resetCredentialsFlow: resetFlow,
    directGrantFlow,

    internationalizationEnabled: true,
    supportedLocales: atLeast(['en', 'fr']),
    defaultLocale: 'fr',
    ...(server.loginThemes.includes(themeName) && { loginTheme: themeName }),
    ...(server.emailThemes.includes(themeName) && { emailTheme: themeName }),

    // What happened, for 90 days: the desk's questions. Later: a sweep's hints, and the notice to an old address.
    eventsEnabled: true,
    eventsExpiration: 90 * day,
    eventsListeners: atLeast(['jboss-logging']),
    adminEventsEnabled: true,
    // Without the bodies of the calls: they would keep addresses and the link "it was not me" of people whose account
    // was purged, and nothing of ours reads them.
    adminEventsDetailsEnabled: off,

    smtpServer: describeSmtp(config),
  }
}

/** Without the password, which Keycloak never shows again: plan/settings.ts keeps a mark of it. */
function describeSmtp({ smtp }: RealmConfig): Record<string, unknown> {
  return {
    host: smtp.host,
    port: String(smtp.port),
    from: smtp.from,
    fromDisplayName: smtp.fromName,
    ssl: String(smtp.security === 'tls'),
    starttls: String(smtp.security === 'starttls'),
    auth: String(smtp.user !== undefined),
    user: smtp.user ?? off,
    // Milliseconds. A mail server that looks into a mail takes its time before it says that it has it; with Keycloak's
    // own 10 s the call fails, the mail arrives, and each try sends it once more.
    timeout: '45000',
    connectionTimeout: '10000',
    writeTimeout: '10000',
  }
}

/** The events that something of ours or the desk looks for. */
export const neededEventTypes = [
  'EXECUTE_ACTIONS',
  'EXECUTE_ACTIONS_ERROR',
  'EXECUTE_ACTION_TOKEN_ERROR',
  'FEDERATED_IDENTITY_LINK',
  'IDENTITY_PROVIDER_FIRST_LOGIN_ERROR',
  'IDENTITY_PROVIDER_LOGIN',
  'IDENTITY_PROVIDER_LOGIN_ERROR',
  'IDENTITY_PROVIDER_POST_LOGIN_ERROR',
  'LOGIN',
  'LOGIN_ERROR',
  'LOGOUT',
  'REMOVE_FEDERATED_IDENTITY',
  'RESET_PASSWORD',
  'RESET_PASSWORD_ERROR',
  'SEND_RESET_PASSWORD',
  'SEND_VERIFY_EMAIL',
  'SEND_VERIFY_EMAIL_ERROR',
  'UPDATE_CREDENTIAL',
  'UPDATE_EMAIL',
  'UPDATE_EMAIL_ERROR',
  'UPDATE_PROFILE',
  'VERIFY_EMAIL',
  'VERIFY_EMAIL_ERROR',
] as const

/**
 * What a realm keeps where nobody has chosen: an empty list would mean nearly all, and among them is
 * CUSTOM_REQUIRED_ACTION. At the end of an "execute actions" mail that event holds where its link goes on to, with the
 * `k` of the mail: a secret of ours that belongs in no log (docs/security.md).
 */
export const usualEventTypes = [
  ...neededEventTypes,
  'CLIENT_LOGIN_ERROR',
  'CODE_TO_TOKEN',
  'CODE_TO_TOKEN_ERROR',
  'DELETE_ACCOUNT',
  'FEDERATED_IDENTITY_LINK_ERROR',
  'GRANT_CONSENT',
  'LOGOUT_ERROR',
  'REMOVE_CREDENTIAL',
  'REMOVE_CREDENTIAL_ERROR',
  'REMOVE_FEDERATED_IDENTITY_ERROR',
  'REVOKE_GRANT',
  'SEND_RESET_PASSWORD_ERROR',
  'UPDATE_CREDENTIAL_ERROR',
  'UPDATE_PROFILE_ERROR',
  'USER_DISABLED_BY_PERMANENT_LOCKOUT',
  'USER_DISABLED_BY_TEMPORARY_LOCKOUT',
] as const
export const refusedEventTypes: readonly string[] = ['CUSTOM_REQUIRED_ACTION']
