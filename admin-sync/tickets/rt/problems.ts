/** What may be wrong with an RT, in an operator's words. Pure. docs/help-desk.md says how each thing is set. */
import type { Problem } from '../port.ts'

export type ProblemCode =
  'unreachable' | 'token' | 'language' | 'queue' | 'key_field' | 'key_field_not_applied' | 'right'

/** @param detail the right, the language, or the code of the failure */
export function explain(
  { url, queue, keyField }: { url: string; queue: string; keyField: string },
  code: ProblemCode,
  detail: string,
): Problem {
  const words: Record<ProblemCode, Omit<Problem, 'code'>> = {
    unreachable: {
      text: {
        fr: `Request Tracker ne répond pas comme prévu à l’adresse ${url} (${detail}).`,
        en: `Request Tracker does not answer as it should at ${url} (${detail}).`,
      },
      remedy: {
        fr: 'Vérifiez RT_URL, que le serveur fonctionne, et que rien (page de connexion, proxy) ne répond à sa place sous /REST/2.0.',
        en: 'Check RT_URL, that the server runs, and that nothing (a sign-in page, a proxy) answers in its place below /REST/2.0.',
      },
    },
    token: {
      text: {
        fr: 'Request Tracker ne connaît pas le jeton de RT_TOKEN.',
        en: 'Request Tracker does not know the token in RT_TOKEN.',
      },
      remedy: {
        fr: 'Connectez-vous à RT avec le compte technique, créez un jeton (menu du compte, « Auth Tokens ») et donnez-le dans RT_TOKEN. Le compte est-il encore actif ?',
        en: 'Sign in to RT as the technical account, make a token (account menu, "Auth Tokens") and give it as RT_TOKEN. Is the account still enabled?',
      },
    },
    language: {
      text: {
        fr: `Le compte technique a une langue (${detail}) dans Request Tracker.`,
        en: `The technical account has a language (${detail}) at Request Tracker.`,
      },
      remedy: {
        fr: 'Videz la langue du compte (Admin, Users, Language) : ses messages d’erreur restent alors les mêmes partout.',
        en: 'Empty the language of the account (Admin, Users, Language): its error messages are then the same everywhere.',
      },
    },
    queue: {
      text: {
        fr: `La file « ${queue} » n’existe pas, est désactivée, ou le compte technique ne la voit pas.`,
        en: `The queue "${queue}" is not there, is disabled, or the technical account does not see it.`,
      },
      remedy: {
        fr: 'Vérifiez RT_QUEUE à la lettre près, et donnez au compte le droit SeeQueue sur cette file (Admin, Queues, User Rights).',
        en: 'Check RT_QUEUE to the letter, and give the account the right SeeQueue on that queue (Admin, Queues, User Rights).',
      },
    },
    key_field: {
      text: {
        fr: `Le champ personnalisé « ${keyField} » n’est pas sur la file « ${queue} », ou le compte technique ne le voit pas.`,
        en: `The custom field "${keyField}" is not on the queue "${queue}", or the technical account does not see it.`,
      },
      remedy: {
        fr: 'Créez-le (Admin, Custom Fields : une valeur libre, s’applique aux tickets), appliquez-le à la file, et donnez au compte SeeCustomField et ModifyCustomField. Sans lui, aucun ticket n’est créé.',
        en: 'Create it (Admin, Custom Fields: enter one value, applies to tickets), apply it to the queue, and give the account SeeCustomField and ModifyCustomField. Without it no ticket is made.',
      },
    },
    key_field_not_applied: {
      text: {
        fr: `Le champ personnalisé « ${keyField} » existe, mais n’est pas appliqué à la file « ${queue} ».`,
        en: `The custom field "${keyField}" is there, but not applied to the queue "${queue}".`,
      },
      remedy: {
        fr: 'Dans RT : Admin, Custom Fields, le champ, « Applies to », cochez la file. Sans lui, aucun ticket n’est créé.',
        en: 'At RT: Admin, Custom Fields, the field, "Applies to", tick the queue. Without it no ticket is made.',
      },
    },
    right: {
      text: {
        fr: `Le compte technique n’a pas le droit ${detail} sur la file « ${queue} ».`,
        en: `The technical account does not have the right ${detail} on the queue "${queue}".`,
      },
      remedy: {
        fr: 'Donnez-le dans RT : Admin, Queues, la file, User Rights.',
        en: 'Give it at RT: Admin, Queues, the queue, User Rights.',
      },
    },
  }
  return { code, ...words[code] }
}
