/** What may be wrong with the mail server that takes the tickets, in an operator's words. Pure. */
import type { Smtp } from '../realm/config.ts'
import type { Problem } from './port.ts'

/** @param error of nodemailer */
export function explainMailServer({ host, port }: Smtp, error: unknown): Problem {
  const { code, responseCode } = Object(error) as { code?: unknown; responseCode?: unknown }
  if (code === 'EAUTH')
    return {
      code: 'unauthorized',
      text: {
        fr: `Le serveur de messagerie ${host} refuse notre compte.`,
        en: `The mail server ${host} refuses our account.`,
      },
      remedy: { fr: 'Vérifiez SMTP_USER et SMTP_PASSWORD.', en: 'Check SMTP_USER and SMTP_PASSWORD.' },
    }
  const detail = typeof responseCode === 'number' ? responseCode : typeof code === 'string' ? code : 'connect'
  return {
    code: 'unreachable',
    text: {
      fr: `Le serveur de messagerie ${host}:${port} ne répond pas comme prévu (${detail}).`,
      en: `The mail server ${host}:${port} does not answer as it should (${detail}).`,
    },
    remedy: {
      fr: 'Vérifiez SMTP_HOST, SMTP_PORT et SMTP_SECURITY, et que le serveur fonctionne.',
      en: 'Check SMTP_HOST, SMTP_PORT and SMTP_SECURITY, and that the server runs.',
    },
  }
}
