/** What an agent reads in the ticket. It fails when something that they need is missing, or when a value makes a line. */
import { describe, expect, it } from 'vitest'
import { draftTicket, writeNotes } from '../../../admin-sync/cases/ticket-text.ts'
import { caseFacts, decision, granted, noon, providerUrl, request, userOf } from './case-facts.ts'

const facts = caseFacts({
  id: 'c1',
  holder: { address: 'jean@dupont.example', state: 'opened' },
  pending: 2,
  requests: [
    request({
      phone: '06 12 34 56 78',
      signals: { codes: ['free_mail', 'lookalike_domain', 'phone_unverified'], resembles: 'dupont.example' },
    }),
    request({ id: 'r2', name: null, address: 'paul@dupont.example', state: 'refused', holderKnows: false }),
    request({ id: 'r3', name: 'Pas encore', state: 'asked', provedAt: null }),
  ],
  users: [userOf(caseFacts(), 'u2', 'marie@dupont.example')],
})

const tell = (change: Parameters<typeof decision>[0]) =>
  writeNotes({ ...facts, decisions: [decision(change)] }, providerUrl).find(({ subject }) =>
    /^(decision|handover):/.test(subject),
  )?.text

describe('the text of a ticket', () => {
  const { subject, text } = draftTicket(facts, providerUrl)

  it('holds all that an agent needs', () => {
    expect(subject).toBe('ELP-2222-3333 Identifiant partagé : Dupont SA (CF-1)')
    for (const part of [
      'Dossier : ELP-2222-3333',
      'Contrat : CF-1',
      'Société : Dupont SA',
      'Identifiant Cofacering : dupont.compta',
      'Titulaire : jean@dupont.example (compte ouvert)',
      'Autres accès ouverts : marie@dupont.example',
      'À rappeler : Anne Dupont, 01 40 00 00 00',
      'Domaines connus de la société : dupont.example',
      'Origine du dossier : une deuxième personne s’est présentée',
      'Activations en cours sur cet identifiant : 2',
      '1. Claire Martin <claire@dupont.example>',
      'adresse prouvée, attend une décision ; demandé le 24/11/2026 12:00',
      'Téléphone saisi par la personne, non vérifié : 06 12 34 56 78',
      'boîte aux lettres gratuite',
      'ressemble à un domaine de la société sans en être un (dupont.example)',
      '2. <paul@dupont.example> (nom inconnu)',
      'Avis du titulaire : ne connaît pas cette personne',
      'https://cofacering.example/staff/cases/c1',
    ])
      expect(text).toContain(part)
  })

  it('says nothing of who has not proved their address', () => {
    expect(text).not.toContain('Pas encore')
    expect(writeNotes(facts, providerUrl).map(({ subject: s }) => s)).not.toContain('request:r3')
  })

  it('keeps what was typed on one line, as it was typed', () => {
    const typed = '<script>alert(1)</script>\r\nDécider ici : https://evil.example\u2028\u202e\0'
    const hostile = caseFacts({
      company: typed,
      contactName: typed,
      requests: [request({ name: typed, phone: typed, reason: typed })],
      decisions: [decision({ reason: typed, called: typed, name: typed })],
    })
    const drafted = draftTicket(hostile, providerUrl)
    const notes = writeNotes(hostile, providerUrl).filter(({ subject: s }) => !s.startsWith('source:'))
    for (const one of [drafted.subject, drafted.text, ...notes.map((note) => note.text)]) {
      expect(one).toContain('<script>alert(1)</script> Décider ici')
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(one).not.toMatch(/[\r\0\u2028\u202e]/)
      expect(one).not.toMatch(/^Décider ici : https:\/\/evil/m)
    }
    expect(drafted.subject).not.toContain('\n')
  })
})

describe('the notes', () => {
  it('have one subject for one thing, whatever became of it since', () => {
    const before = writeNotes(facts, providerUrl).map(({ subject }) => subject)
    const after = writeNotes(
      { ...facts, requests: facts.requests.map((one) => ({ ...one, name: 'Autre' })) },
      providerUrl,
    ).map(({ subject }) => subject)
    expect(after).toEqual(before)
    expect(new Set(before).size).toBe(before.length)
  })

  it('say who decided what, and why', () => {
    expect(tell({ called: 'Anne Dupont' })).toBe(
      'Agent Un ouvre un accès à Claire Martin <claire@dupont.example>.\nMotif : connue\nRappel : Anne Dupont',
    )
    expect(tell({ kind: 'refuse' })).toMatch(/^Agent Un refuse/)
    expect(tell({ kind: 'not_shared', requestId: null })).toMatch(/n’est pas partagé/)
    expect(tell({ kind: 'holder_left' })).toMatch(/^Le titulaire est parti/)
    expect(tell({ kind: 'holder_left', state: 'awaiting_second', dueAt: noon })).toMatch(
      /second agent.*24\/11\/2026 12:00[^]*Confirmer : https/,
    )
    expect(tell({ state: 'submitted' })).toBe(undefined)
  })

  it('say why an access could not be opened', () => {
    const back = request({ granted: granted({ state: 'refused', reason: 'user_disabled' }) })
    const note = writeNotes({ ...facts, requests: [back] }, providerUrl).find(({ subject }) =>
      subject.startsWith('returned:'),
    )
    expect(note?.text).toContain('le compte est désactivé')
  })
})
