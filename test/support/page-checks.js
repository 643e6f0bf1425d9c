// What accessible.ts asks a page, evaluated inside it: what axe leaves out. Each check returns its problems in words, and
// nothing when there are none.
const words = {
  fr: { error: 'Erreur : ', step: (n, of) => `étape ${n} sur ${of}` },
  en: { error: 'Error: ', step: (n, of) => `step ${n} of ${of}` },
}
const languageNames = { fr: 'Français', en: 'English' }
/** What a field of this name or type must tell password managers; on-screen keyboards must change nothing typed. */
const tokens = {
  login: ['username'],
  username: ['username'],
  email: ['email', 'username'],
  name: ['name'],
  phone: ['tel'],
}
/** Search words, and what an agent writes about somebody else: nothing that a browser should fill in. */
const unfilled = ['q', 'reason', 'called']
const passwordTokens = ['current-password', 'new-password']

const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const plain = (text) => (text ?? '').replaceAll(/\s+/g, ' ').trim()
const describe = (element) =>
  `${element.localName}${element.id && `#${element.id}`} "${plain(element.textContent).slice(0, 40)}"`
const idsOf = (element, attribute) => (element.getAttribute(attribute) ?? '').split(/\s+/).filter(Boolean)
const isShown = (element) => element.checkVisibility({ visibilityProperty: true })
/** Cut to a pixel for the eye, and read by a screen reader; or the skip link, which comes with the focus. */
const isForReadersOnly = (element) =>
  element.closest('.ell-visually-hidden, .ell-skip, [aria-hidden=true]') !== null ||
  getComputedStyle(element).clipPath === 'inset(50%)'
const controls = () => all('input:not([type=hidden]), select, textarea').filter(isShown)
const overlaps = (a, b, by = 1) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > by &&
  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by

function focusable() {
  return all('a[href], button, summary, input:not([type=hidden]), select, textarea, [tabindex]').filter(
    (element) => {
      if (!isShown(element) || element.disabled || element.tabIndex < 0) return false
      if (element.type !== 'radio') return true
      // A group of radio buttons is one stop.
      const group = all(`input[type=radio][name="${element.name}"]`)
      return element === (group.find((one) => one.checked) ?? group[0])
    },
  )
}

/** Text by its boxes, one for each element that has words of its own. */
function texts() {
  return all('body *').flatMap((element) => {
    if (!isShown(element) || isForReadersOnly(element)) return []
    const nodes = [...element.childNodes].filter((node) => node.nodeType === 3 && plain(node.data) !== '')
    return nodes.flatMap((node) => {
      const range = document.createRange()
      range.selectNodeContents(node)
      return [...range.getClientRects()].map((box) => ({ element, box }))
    })
  })
}

function checkTitle(language, say) {
  const heading = plain(all('h1')[0]?.textContent)
  const title = plain(document.title)
  say(title.includes(heading), `title "${title}" without heading "${heading}"`)
  const isRefused = all('[aria-invalid=true], .ell-notice--error, .ell-error').length > 0
  say(title.startsWith(plain(words[language].error)) === isRefused, `title "${title}", refused: ${isRefused}`)
  const steps = all('.ell-steps > li')
  const current = steps.findIndex((step) => step.getAttribute('aria-current') === 'step')
  if (steps.length === 0) return
  const place = words[language].step(current + 1, steps.length)
  say(title.includes(`(${place})`), `title "${title}" without "${place}"`)
  say(plain(steps[current]?.textContent).endsWith(`(${place})`), `current step does not say "${place}"`)
}

function checkFields(say) {
  for (const field of controls()) {
    const error = all('.ell-error', field.closest('.ell-field, fieldset') ?? field)[0]
    const described = idsOf(field.closest('fieldset') ?? field, 'aria-describedby')
    if (error) say(described.includes(error.id), `${describe(field)}: its error is not tied to it`)
    if (field.getAttribute('aria-invalid') === 'true')
      say(error, `${describe(field)}: invalid without an error`)
    if (['radio', 'checkbox', 'submit'].includes(field.type) || field.readOnly) continue
    const known = unfilled.includes(field.name) ? ['off'] : tokens[field.name]
    const allowed = field.type === 'password' ? passwordTokens : known
    const { autocomplete } = field
    say(allowed?.includes(autocomplete), `${describe(field)}: autocomplete "${autocomplete}"`)
    // Sentences are written in a textarea: capitals and a spelling checker help there.
    if (field.localName !== 'textarea') {
      const capitals = field.name === 'name' ? 'words' : 'none'
      say(field.autocapitalize === capitals, `${describe(field)}: autocapitalize "${field.autocapitalize}"`)
      say(field.getAttribute('spellcheck') === 'false', `${describe(field)}: is spell-checked`)
    }
    say(field.maxLength === -1, `${describe(field)}: cuts what is pasted at ${field.maxLength}`)
  }
  for (const error of all('.ell-error')) {
    const isTied = all(`[aria-describedby~="${error.id}"]`).length === 1
    say(error.id && isTied, `${describe(error)}: is tied to nothing`)
  }
}

function checkReferences(say) {
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'aria-controls', 'for'])
    for (const element of all(`[${attribute}]`))
      for (const id of idsOf(element, attribute))
        say(document.getElementById(id), `${describe(element)}: ${attribute} names no #${id}`)
  const seen = new Set()
  for (const { id } of all('[id]')) {
    say(!seen.has(id), `#${id} is there twice`)
    seen.add(id)
  }
}

/** A refusal has the focus: the field, or the first answer of a question, or else the notice. */
function checkFocus(say) {
  const invalid = controls().find(
    (field) =>
      field.getAttribute('aria-invalid') === 'true' ||
      field.closest('fieldset')?.matches('.ell-field--error'),
  )
  const [notice] = all('.ell-notice[tabindex]')
  const expected = notice ?? invalid ?? all('.ell-notice--error, .ell-notice--success')[0]
  if (expected) say(document.activeElement === expected, `${describe(document.activeElement)} has the focus`)
}

export const pageChecks = {
  /** One heading, landmarks, names, languages, errors, autocomplete. `language`: that of the page. */
  structure(language) {
    const problems = []
    const say = (holds, problem) => holds || problems.push(problem)
    say(document.documentElement.lang === language, `lang is ${document.documentElement.lang}`)
    for (const [selector, count] of Object.entries({
      h1: 1,
      main: 1,
      'body > header': 1,
      'nav[aria-label]': 1,
    }))
      say(all(selector).length === count, `${all(selector).length} of ${selector}`)
    const levels = all('h1, h2, h3').map(({ localName }) => Number(localName[1]))
    say(
      levels.every((level, at) => level <= (levels[at - 1] ?? 0) + 1),
      `headings: ${levels.join(' ')}`,
    )
    say(
      all('[tabindex]').every(({ tabIndex }) => tabIndex <= 0),
      'an order of its own by tabindex',
    )
    for (const link of all('nav a[hreflang]')) {
      const { lang, hreflang } = link
      say(
        lang === hreflang && plain(link.textContent) === languageNames[lang],
        `language link ${describe(link)}`,
      )
      say((link.getAttribute('aria-current') === 'true') === (lang === language), `current language ${lang}`)
    }
    for (const notice of all('.ell-notice')) {
      const role = notice.matches('.ell-notice--error') ? 'alert' : 'status'
      say(notice.getAttribute('role') === role, `${describe(notice)}: role ${notice.getAttribute('role')}`)
    }
    checkTitle(language, say)
    checkFields(say)
    checkReferences(say)
    checkFocus(say)
    return problems
  },

  /** At the present size: nothing beside the screen, cut, or upon something else; targets of 24 px (WCAG 2.5.8). */
  layout() {
    const problems = []
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth > clientWidth) problems.push(`${scrollWidth} px wide on ${clientWidth}`)
    const boxes = texts()
    for (const { element, box } of boxes) {
      if (box.right > clientWidth + 1 || box.left < -1)
        problems.push(`beside the screen: ${describe(element)}`)
      const holder = element.closest('button, .ell-button, .ell-input') ?? element
      const { overflowX } = getComputedStyle(holder)
      if (overflowX !== 'visible' && holder.scrollWidth > holder.clientWidth + 1 && !holder.matches('input'))
        problems.push(`cut: ${describe(holder)}`)
    }
    boxes.forEach((one, at) => {
      for (const other of boxes.slice(at + 1))
        if (one.element !== other.element && overlaps(one.box, other.box, 2))
          problems.push(`upon one another: ${describe(one.element)}, ${describe(other.element)}`)
    })
    const targets = focusable().filter(
      (element) => !isForReadersOnly(element) && !element.matches('main, .ell-notice'),
    )
    for (const target of targets) {
      const box = target.getBoundingClientRect()
      const isInSentence =
        getComputedStyle(target).display === 'inline' &&
        plain(target.parentElement.textContent).length > plain(target.textContent).length
      if (!isInSentence && (box.width < 24 || box.height < 24))
        problems.push(`${Math.round(box.width)} x ${Math.round(box.height)} px: ${describe(target)}`)
      for (const other of targets)
        if (other !== target && overlaps(box, other.getBoundingClientRect()))
          problems.push(`targets upon one another: ${describe(target)}, ${describe(other)}`)
    }
    return problems
  },

  /** WCAG 1.4.12. Adopted style sheets are not subject to the page's content security policy. */
  spaceOut() {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(
      '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }' +
        ' p { margin-block-end: 2em !important }',
    )
    document.adoptedStyleSheets = [sheet]
  },
  spaceBack() {
    document.adoptedStyleSheets = []
  },

  /** With prefers-reduced-motion nothing moves. */
  motion() {
    const running = document.getAnimations().map(({ animationName }) => animationName ?? 'transition')
    return running.map((name) => `moves: ${name}`)
  },

  /** With forced colours, what a background or a shadow showed is shown by a line. */
  forced() {
    return all('.ell-button, .ell-input, .ell-password__toggle, .ell-notice, .ell-card')
      .filter(isShown)
      .flatMap((element) => {
        const style = getComputedStyle(element)
        const ground = getComputedStyle(document.body).backgroundColor
        const hasEdge = Number.parseFloat(style.borderTopWidth) >= 1 && style.borderTopColor !== ground
        const looksLikeLink =
          element.matches('.ell-button--quiet') && style.textDecorationLine === 'underline'
        return hasEdge || looksLikeLink ? [] : [`no edge in forced colours: ${describe(element)}`]
      })
  },

  /** Puts the focus on the first stop; how many there are. */
  begin() {
    const stops = focusable()
    stops[0]?.focus()
    return stops.length
  },
  /** Is the focus on stop number `at` (from 0), and can it be seen? `forced`: with forced colours. */
  stop(at) {
    const expected = focusable()[at]
    const active = document.activeElement
    if (active !== expected) return [`stop ${at}: ${describe(active)} instead of ${describe(expected)}`]
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(active)
    const ground = getComputedStyle(document.body).backgroundColor
    const isSeen = outlineStyle === 'solid' && Number.parseFloat(outlineWidth) >= 2 && outlineColor !== ground
    const box = active.getBoundingClientRect()
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
    return [
      ...(isSeen ? [] : [`focus not to be seen: ${describe(active)} ${outlineStyle} ${outlineWidth}`]),
      ...(active.contains(top) || top?.contains(active) ? [] : [`focus covered: ${describe(active)}`]),
    ]
  },
  /** After the last stop: is the focus out of the page, or at its beginning again? */
  end() {
    const active = document.activeElement
    return active === document.body || active === focusable()[0] ? [] : [`a trap: ${describe(active)}`]
  },
}
