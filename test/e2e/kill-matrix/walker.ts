/**
 * A person who wants an account and does not give up, for the kill matrix: looks at the page, does what it asks for, and
 * where there is no answer or an error, waits a moment and tries again, as people do. Nothing here knows what was killed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Mail } from '../../../dev/smtp-sink.ts'
import { HttpPerson, NoAnswer } from '../../support/http-person.ts'
import type { Product } from '../../support/product.ts'
import { chosenPassword } from '../journey.ts'

export type Who = { login: string; password: string; address: string; network: string }
export type Walk = {
  /** Activations of which the person was shown "we sent a mail". */
  accepted: Set<string>
  /** Fresh mails that the person asked for, because none came. */
  askedMails: number
  /** Subject of the ID token, as the portal got it. */
  sub: string | undefined
  /** Pages, one line each: for the message of a failure. */
  trail: string[]
}

const walkMs = 120_000
const mailPatienceMs = 65_000
const pauseMs = 250

/** Walks from the portal's door until the portal says who is signed in. @throws Error with the trail */
export async function walk(product: Product, who: Who, state: Walk): Promise<void> {
  const person = new HttpPerson({ network: who.network, timeoutMs: 30_000 })
  const opened = new Set<string>()
  const until = Date.now() + walkMs
  let waitingSince: number | undefined

  const newMail = (): Mail | undefined =>
    product.inbox.mails.find(
      (mail) =>
        mail.to.some((to) => to.toLowerCase() === who.address) && linkOf(mail) && !opened.has(mail.id),
    )

  /** One thing that a person does on the page that is open. @returns whether it is the last page */
  async function step(): Promise<boolean> {
    const { page, name } = person
    if (page.status === 0 || page.status >= 500) {
      await sleep(pauseMs)
      await (page.status === 0
        ? person.open(`${product.urls.portal}/sign-in?door=cofacering`)
        : person.again())
      return false
    }
    if (page.url.startsWith(product.urls.portal)) return atPortal()
    if (page.url.startsWith(product.urls.keycloak)) return atKeycloak()
    switch (name ?? '') {
      case 'login':
        await person.submit({ login: who.login, password: who.password }, '/login')
        return false
      case 'redirection':
        await person.submit({ email: who.address, password: chosenPassword, shared: 'no' }, '/redirection')
        return false
      case 'sent':
        return atSent()
      case 'confirm':
        await person.submit({ password: chosenPassword }, '/confirm')
        return false
      case 'opening':
      case 'opening-slow':
        await sleep(pauseMs)
        await person.open(person.refresh?.url ?? page.url)
        return false
      case 'sent-confirmed':
        await sleep(pauseMs)
        await person.again()
        return false
      default:
        await wayOn()
        return false
    }
  }

  async function atSent(): Promise<boolean> {
    const id = /\/activation\/([0-9a-f-]{36})$/.exec(person.page.url)?.[1]
    if (id) state.accepted.add(id)
    const mail = newMail()
    if (mail) {
      opened.add(mail.id)
      waitingSince = undefined
      await person.open(linkOf(mail) ?? '')
      return false
    }
    waitingSince ??= Date.now()
    await sleep(pauseMs)
    const mayAsk = person.forms().some(({ action }) => action.endsWith('/resend'))
    if (Date.now() - waitingSince > mailPatienceMs && mayAsk) {
      state.askedMails++
      waitingSince = Date.now()
      await person.submit({}, '/resend')
    } else if (Date.now() - waitingSince > 3_000) await person.again()
    return false
  }

  async function atPortal(): Promise<boolean> {
    const { page } = person
    if (page.body.includes('id="who"')) {
      state.sub = /data-claim="sub">([^<]+)</.exec(page.body)?.[1]?.trim()
      const email = /data-fact="email">([^<]+)</.exec(page.body)?.[1]?.trim()
      if (email !== who.address) throw new Error('somebody else is signed in at the portal')
      return true
    }
    await sleep(pauseMs)
    if (page.body.includes('id="from-cofacering"') && state.accepted.size === 0)
      await person.click(/from-cofacering/)
    else await person.open('/sign-in')
    return false
  }

  async function atKeycloak(): Promise<boolean> {
    if (person.forms().some(({ id }) => id === 'kc-form-login')) {
      // Who was accepted and is not signed in by us has an address and a password; anybody else comes by the door.
      if (state.accepted.size > 0 && isOpen())
        await person.submit({ username: who.address, password: chosenPassword }, 'kc-form-login')
      else await person.click(/social-cofacering/)
      return false
    }
    await wayOn()
    return false
  }

  /** Stands for reading "your account is open" on one of our pages. */
  function isOpen(): boolean {
    return state.trail.some((line) =>
      /\[(opening-opened|sent-opened|confirm-opened|sign-in-problem|moved)\]/.test(line),
    )
  }

  /** The button of a page that only leads on. */
  async function wayOn(): Promise<void> {
    const button =
      person.link(/id="(ell-confirm|ell-continue|ell-restart|backToApplication|loginContinueLink)"/) ??
      person.link(
        /class="[^"]*ell-button--secondary[^"]*"[^>]*\/opening"|\/opening"[^>]*ell-button--secondary/,
      ) ??
      person.link(/class="[^"]*ell-button/)
    await sleep(pauseMs)
    await person.open(button ?? `${product.urls.portal}/sign-in?door=cofacering`)
  }

  const startedAt = Date.now()
  let noted: string | undefined
  const note = (line: string) => {
    if (line === noted) return
    noted = line
    state.trail.push(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${line}`)
  }
  for (;;) {
    try {
      if (await step()) return
      note(person.describe())
    } catch (error) {
      if (!(error instanceof NoAnswer))
        throw new Error(`${String(error)}\n${state.trail.join('\n')}`, { cause: error })
      note(`no answer, on ${person.describe()}`)
      await sleep(pauseMs)
      // Reload; a form that got no answer is sent again.
      await person.again().catch(() => undefined)
      note(`again: ${person.describe()}`)
    }
    if (Date.now() > until) throw new Error(`The person does not get there:\n${state.trail.join('\n')}`)
  }
}

function linkOf(mail: Mail): string | undefined {
  return mail.links.find((one) => one.includes('/login-actions/action-token'))
}
