/**
 * What stands in a ticket: all that an agent needs, in French, as plain text. Pure. What somebody typed is put on one
 * line, so that it cannot look like a line of ours; the connectors take care of their help desk's own limits.
 */
import { oneLine } from '../../core/text.ts'
import type { CaseFacts, DecisionFacts, RequestFacts } from './facts.ts'
import type { SignalCode, Signals } from './signals.ts'

export const caseUrl = (providerUrl: string, caseId: string): string => `${providerUrl}/staff/cases/${caseId}`

/** @returns subject and text of a ticket that is to be made now */
export function draftTicket(facts: CaseFacts, providerUrl: string): { subject: string; text: string } {
  const asked = facts.requests.filter(({ state, provedAt }) => state !== 'asked' && provedAt !== null)
  const text = [
    'Un identifiant Cofacering sert à plusieurs personnes : chacune doit avoir un accès Ellipro à elle.',
    '',
    `Dossier : ${facts.reference}`,
    `Contrat : ${say(facts.contract)}`,
    `Société : ${say(facts.company)}`,
    `Identifiant Cofacering : ${say(facts.login)}`,
    `Titulaire : ${facts.holder ? `${say(facts.holder.address)} (${holderStates[facts.holder.state] ?? facts.holder.state})` : 'personne pour l’instant'}`,
    ...otherAccounts(facts),
    `À rappeler : ${describeContact(facts)} (numéro du contrat, le seul à appeler)`,
    `Domaines connus de la société : ${facts.knownDomains.map(say).join(', ') || 'aucun'}`,
    `Origine du dossier : ${facts.sources.map(({ source }) => sources[source] ?? source).join(' ; ') || 'inconnue'}`,
    ...(facts.pending > 0 ? [`Activations en cours sur cet identifiant : ${facts.pending}`] : []),
    '',
    asked.length === 0 ? 'Aucune demande d’accès pour l’instant.' : 'Demandes d’accès :',
    ...asked.flatMap((request, i) => ['', ...describeRequest(request, `${i + 1}. `)]),
    '',
    ...closing(facts, providerUrl),
  ].join('\n')
  return {
    subject: `${facts.reference} Identifiant partagé : ${say(facts.company)} (${say(facts.contract)})`,
    text,
  }
}

export type NoteText = { subject: string; text: string }

/** Everything that the ticket should have been told by now. The same thing has the same `subject` each time. */
export function writeNotes(facts: CaseFacts, providerUrl: string): NoteText[] {
  const link = caseUrl(providerUrl, facts.id)
  const nameOf = (requestId: string | null) => {
    const request = facts.requests.find(({ id }) => id === requestId)
    return request ? describePerson(request) : 'une demande'
  }
  return [
    ...facts.sources.map(({ source, at }) => ({
      subject: `source:${source}:${at.toISOString()}`,
      text: `Le dossier a une nouvelle origine : ${sources[source] ?? source}.`,
    })),
    ...facts.sources.flatMap(({ source, removedAt }) =>
      removedAt
        ? [
            {
              subject: `source-removed:${source}:${removedAt.toISOString()}`,
              text: 'Dans la console Keycloak, l’identifiant n’est plus indiqué comme partagé.',
            },
          ]
        : [],
    ),
    ...facts.requests
      .filter(({ provedAt }) => provedAt !== null)
      .flatMap((request) => noteRequest(request, link)),
    ...facts.decisions.flatMap((decision) => noteDecision(decision, nameOf(decision.requestId), link)),
    ...(facts.overflowedAt
      ? [
          {
            subject: `overflow:${facts.overflowedAt.toISOString()}`,
            text: 'D’autres personnes ont voulu demander un accès, mais le dossier en a déjà autant qu’il en peut contenir : elles sont invitées à appeler.',
          },
        ]
      : []),
  ]
}

export const noteResolved = (facts: CaseFacts): string =>
  facts.state === 'closed'
    ? `Le dossier est fermé (${closings[facts.closedReason ?? ''] ?? facts.closedReason ?? 'sans motif'}) : ticket résolu.`
    : 'Il ne reste rien à décider : ticket résolu.'
export const noteReopened = (open: number, link: string): string =>
  `Ce ticket a été résolu à la main alors que ${open === 1 ? 'une demande attend' : `${open} demandes attendent`} une décision : il est rouvert, une seule fois. Pour refuser une demande ou fermer le dossier : ${link}`
export const noteRenewed = (): string => 'Ce ticket remplace celui qui a été supprimé.'

function noteRequest(request: RequestFacts, link: string): NoteText[] {
  const { id, granted, state } = request
  const person = describePerson(request)
  const notes: NoteText[] = [
    {
      subject: `request:${id}`,
      text: ['Nouvelle demande d’accès.', '', ...describeRequest(request, ''), '', `Décider : ${link}`].join(
        '\n',
      ),
    },
  ]
  const add = (subject: string, text: string) => void notes.push({ subject: `${subject}:${id}`, text })
  if (request.fromActivation && request.name !== null)
    add('named', `La personne a donné son nom : ${person}.`)
  if (request.holderAnsweredAt)
    add(
      `holder:${request.holderAnsweredAt.toISOString()}`,
      `Le titulaire dit ${request.holderKnows ? 'connaître' : 'ne pas connaître'} ${person}. C’est un avis, pas une décision.`,
    )
  if (state === 'opened') add('opened', `Accès ouvert et activé : ${person}.`)
  if (state === 'withdrawn')
    add(
      'withdrawn',
      `${person} : la personne qui lit cette boîte dit que la demande n’est pas d’elle. Rien à décider.`,
    )
  if (state === 'proved' && granted)
    add(
      `returned:${granted.id}`,
      `L’accès accordé à ${person} n’a pas pu être ouvert (${failures[granted.reason ?? granted.state] ?? granted.reason ?? granted.state}). La demande attend de nouveau une décision : ${link}`,
    )
  return notes
}

function noteDecision(decision: DecisionFacts, person: string, link: string): NoteText[] {
  const { id, kind, state } = decision
  const by = say(decision.name ?? 'un agent')
  const why = [
    `Motif : ${say(decision.reason)}`,
    ...(decision.called === null ? [] : [`Rappel : ${say(decision.called)}`]),
  ]
  if (state === 'awaiting_second')
    return [
      {
        subject: `handover:${id}`,
        text: [
          `${by} déclare que le titulaire est parti et que ${person} prend la suite.`,
          ...why,
          `Un second agent doit le confirmer ; sinon, cela vaut le ${decision.dueAt ? date(decision.dueAt) : 'délai passé'}.`,
          `Confirmer : ${link}`,
        ].join('\n'),
      },
    ]
  if (state !== 'applied') return []
  const what = {
    open: `${by} ouvre un accès à ${person}.`,
    refuse: `${by} refuse l’accès à ${person}.`,
    holder_left: `Le titulaire est parti : son accès est fermé, ${person} reçoit le sien. Décidé par ${by}.`,
    not_shared: `${by} ferme le dossier : l’identifiant n’est pas partagé.`,
  }[kind]
  return [{ subject: `decision:${id}`, text: [what, ...why].join('\n') }]
}

// ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A typed value on one line of bearable length. */
const say = (value: string): string => {
  const line = oneLine(value.toWellFormed()).trim()
  return line.length > 2000 ? `${line.slice(0, 2000).toWellFormed()}…` : line
}
const dates = new Intl.DateTimeFormat('fr-FR', {
  dateStyle: 'short',
  timeStyle: 'short',
  timeZone: 'Europe/Paris',
})
const date = (at: Date): string => dates.format(at)

const describePerson = ({ name, address }: RequestFacts): string =>
  name === null ? `<${say(address)}> (nom inconnu)` : `${say(name)} <${say(address)}>`

function describeRequest(request: RequestFacts, bullet: string): string[] {
  const indent = ' '.repeat(bullet.length)
  return [
    `${bullet}${describePerson(request)}`,
    `${indent}État : ${states[request.state]} ; demandé le ${date(request.createdAt)}`,
    ...(request.phone === null
      ? []
      : [`${indent}Téléphone saisi par la personne, non vérifié : ${say(request.phone)}`]),
    `${indent}Avis du titulaire : ${request.holderKnows === null ? 'pas de réponse' : request.holderKnows ? 'connaît cette personne' : 'ne connaît pas cette personne'}`,
    ...describeSignals(request.signals).map((line) => `${indent}À regarder : ${line}`),
  ]
}

function describeSignals({ codes = [], resembles }: Partial<Signals>): string[] {
  return codes.flatMap((code) => {
    const text = signalTexts[code]
    // The telephone has a line of its own, and so has the holder's answer.
    if (text === undefined) return []
    return code === 'lookalike_domain' && resembles !== undefined ? `${text} (${say(resembles)})` : text
  })
}

const describeContact = ({ contactName, contactPhone }: CaseFacts): string =>
  [contactName, contactPhone].flatMap((part) => (part ? [say(part)] : [])).join(', ') || 'pas de numéro connu'

function otherAccounts({ users, holder }: CaseFacts): string[] {
  const others = users.filter(({ address }) => address !== holder?.address)
  if (others.length === 0) return []
  return [`Autres accès ouverts : ${others.map(({ address }) => say(address)).join(', ')}`]
}

function closing(facts: CaseFacts, providerUrl: string): string[] {
  return [
    `Décider ici : ${caseUrl(providerUrl, facts.id)}`,
    'Les décisions se prennent sur cette page, avec votre compte Ellipro ; une réponse à ce ticket n’ouvre aucun accès.',
  ]
}

const states: Record<RequestFacts['state'], string> = {
  asked: 'adresse pas encore prouvée',
  proved: 'adresse prouvée, attend une décision',
  granting: 'accordé, la personne doit encore l’activer',
  opened: 'accès ouvert',
  refused: 'refusé',
  expired: 'expiré',
  withdrawn: 'retiré',
}
const holderStates: Record<string, string> = {
  confirmed: 'compte en cours d’ouverture',
  opened: 'compte ouvert',
  closed: 'compte supprimé',
  requested: 'prend la suite, n’a pas encore confirmé',
  mailed: 'prend la suite, n’a pas encore confirmé',
}
const sources: Record<string, string> = {
  legacy_flag: 'Cofacering le connaît comme partagé',
  said_shared: 'une personne a dit qu’il sert à plusieurs',
  second_activation: 'une deuxième personne s’est présentée',
  console: 'indiqué dans la console Keycloak',
  import: 'importé par un fichier',
}
const closings: Record<string, string> = { not_shared: 'l’identifiant n’est pas partagé' }
const failures: Record<string, string> = {
  expired: 'la personne ne l’a pas utilisé à temps',
  holder_protected: 'le titulaire est un administrateur, dont l’accès n’a pas été fermé',
  user_gone: 'le compte a été supprimé entre-temps',
  user_disabled: 'le compte est désactivé',
  address_changed: 'l’adresse du compte a changé',
  address_invalid: 'l’adresse est refusée',
  account_unknown: 'Cofacering ne connaît plus l’identifiant',
  login_held: 'l’identifiant a un titulaire entre-temps',
}
const signalTexts: Partial<Record<SignalCode, string>> = {
  lookalike_domain: 'le domaine ressemble à un domaine de la société sans en être un',
  mixed_scripts: 'des lettres de deux alphabets dans un même mot',
  free_mail: 'boîte aux lettres gratuite',
  foreign_domain: 'domaine inconnu pour ce contrat',
  no_known_domains: 'aucun domaine connu pour ce contrat',
  international_domain: 'domaine à caractères non latins ou accentués',
  refused_before: 'la même adresse a déjà été refusée',
  other_logins: 'le même réseau a demandé des accès sur d’autres identifiants',
  same_network: 'd’autres demandes de ce dossier viennent du même réseau',
  many_requests: 'beaucoup de demandes en peu de temps',
  asked_at_night: 'demandé la nuit',
}
