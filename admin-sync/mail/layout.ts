/**
 * The frame of our mails: the look of themes/ellipro/email/html/template.ftl, whose colours are those of the design
 * tokens by value. Tables and inline styles for mail clients, no image, one column that becomes narrower by itself,
 * dark colours where the client knows prefers-color-scheme.
 */
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import type { Desk } from '../../core/desk.ts'
import type { Language, Translate } from '../../core/text.ts'

/** What a `html` template gives; ours hold nothing to wait for. */
export type Html = ReturnType<typeof html>
export type Fact = { name: string; value: string }

const font = raw("system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif")
const styles = raw(`:root { color-scheme: light dark; }
@media (max-width: 480px) {
  .e-pad { padding-left: 20px !important; padding-right: 20px !important; }
  .e-button, .e-button a { display: block !important; }
}
@media (prefers-color-scheme: dark) {
  .e-paper { background-color: #0a1a21 !important; }
  .e-card { background-color: #11262f !important; border-color: #29424d !important; }
  .e-sunk { background-color: #0d2029 !important; }
  .e-ink { color: #e8f0f2 !important; }
  .e-soft { color: #a9bfc7 !important; }
  .e-line { border-color: #29424d !important; }
  .e-link { color: #86d3df !important; }
  .e-button { background-color: #74c9d6 !important; }
  .e-button a { color: #06222b !important; border-color: #74c9d6 !important; }
}`)

export const paragraph = (content: string | Html): Html => html`<p style="margin:0 0 16px;">${content}</p>`

export const heading = (content: string): Html =>
  html`<h2
    class="e-ink"
    style="margin:24px 0 8px;font-size:17px;line-height:24px;font-weight:bold;color:#0c2733;"
  >
    ${content}
  </h2>`

export const link = (href: string, label: string): Html =>
  html`<a class="e-link" href="${href}" style="color:#0b5667;overflow-wrap:anywhere;">${label}</a>`

export const button = (href: string, label: string): Html =>
  html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 20px;">
    <tr>
      <td
        class="e-button"
        align="center"
        bgcolor="#0b5667"
        style="background-color:#0b5667;border-radius:6px;"
      >
        <a
          href="${href}"
          style="display:inline-block;padding:14px 28px;border:1px solid #0b5667;border-radius:6px;font-family:${font};font-size:17px;line-height:22px;font-weight:bold;color:#ffffff;text-decoration:none;"
          >${label}</a
        >
      </td>
    </tr>
  </table>`

/** The address of the button in full, for who cannot press it. */
export const plainLink = (t: Translate, href: string): Html =>
  html`<p
    class="e-soft e-line"
    style="margin:24px 0 0;padding:16px 0 0;border-top:1px solid #d3dee1;font-size:13px;line-height:19px;color:#45606b;"
  >
    ${t('plainLink')}<br />${link(href, href)}
  </p>`

export const factList = (list: readonly Fact[]): Html =>
  html`<table
    role="presentation"
    class="e-sunk"
    width="100%"
    cellpadding="0"
    cellspacing="0"
    border="0"
    bgcolor="#eaf1f2"
    style="margin:0 0 20px;background-color:#eaf1f2;border-left:3px solid #e2a32b;"
  >
    ${list.map(
      ({ name, value }) =>
        html`<tr>
          <td
            class="e-ink"
            style="padding:6px 16px;font-family:${font};font-size:15px;line-height:22px;color:#0c2733;"
          >
            <span class="e-soft" style="color:#45606b;">${name}</span>&nbsp;
            <strong style="overflow-wrap:anywhere;"><bdi>${value}</bdi></strong>
          </td>
        </tr>`,
    )}
  </table>`

export const orderedList = (items: readonly string[]): Html =>
  html`<ol style="margin:0 0 20px;padding:0 0 0 24px;">
    ${items.map((item) => html`<li style="margin:0 0 8px;">${item}</li>`)}
  </ol>`

/** Somebody's own words, line by line. */
export const quote = (lines: readonly string[]): Html =>
  html`<blockquote
    class="e-sunk e-ink"
    style="margin:0 0 20px;padding:10px 16px;background-color:#eaf1f2;border-left:3px solid #e2a32b;color:#0c2733;overflow-wrap:anywhere;"
  >
    <bdi>${lines.map((text, index) => html`${index > 0 && html`<br />`}${text}`)}</bdi>
  </blockquote>`

/** The whole mail. `t` and `language` are those of the frame; the body may hold more than one language. */
export function renderMail(
  t: Translate,
  language: Language,
  mail: { title: string; preheader: string; body: Html | Html[]; desk: Desk },
): string {
  const { telephone, price, email, hours, helpUrl } = mail.desk
  const page = html`<!DOCTYPE html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="format-detection" content="telephone=no, date=no, address=no" />
        <title>${mail.title}</title>
        <style>
          ${styles}
        </style>
      </head>
      <body
        class="e-paper"
        style="margin:0;padding:0;background-color:#f2f5f6;-webkit-text-size-adjust:100%;"
      >
        <div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;">${mail.preheader}</div>
        <!-- lang here as well: many mail programs drop the html element -->
        <table
          role="presentation"
          class="e-paper"
          lang="${language}"
          width="100%"
          cellpadding="0"
          cellspacing="0"
          border="0"
          bgcolor="#f2f5f6"
          style="background-color:#f2f5f6;"
        >
          <tr>
            <td align="center" style="padding:24px 12px;">
              <table
                role="presentation"
                width="100%"
                cellpadding="0"
                cellspacing="0"
                border="0"
                style="max-width:600px;"
              >
                <tr>
                  <td
                    class="e-card"
                    bgcolor="#ffffff"
                    style="background-color:#ffffff;border:1px solid #d3dee1;border-top:4px solid #0b5667;border-radius:8px;"
                  >
                    <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
                      <tr>
                        <td
                          class="e-pad e-ink"
                          style="padding:24px 40px 0;font-family:${font};font-size:22px;line-height:28px;font-weight:bold;color:#0c2733;"
                        >
                          Ellipro<span aria-hidden="true" style="color:#e2a32b;">.</span>
                        </td>
                      </tr>
                      <tr>
                        <td
                          class="e-pad e-ink"
                          style="padding:20px 40px 32px;font-family:${font};font-size:16px;line-height:25px;color:#0c2733;"
                        >
                          <h1
                            class="e-ink"
                            style="margin:0 0 16px;font-size:24px;line-height:31px;font-weight:bold;color:#0c2733;"
                          >
                            ${mail.title}
                          </h1>
                          ${mail.body}
                        </td>
                      </tr>
                    </table>
                  </td>
                </tr>
                <tr>
                  <td
                    class="e-pad e-soft"
                    style="padding:20px 40px 0;font-family:${font};font-size:13px;line-height:26px;color:#45606b;"
                  >
                    <strong class="e-ink" style="color:#0c2733;">${t('deskTitle')}</strong><br />
                    ${t('deskName')}, ${hours[language]}<br />
                    <a
                      class="e-link"
                      href="tel:${telephone.replaceAll(/[^0-9+]/g, '')}"
                      style="color:#0b5667;font-weight:bold;"
                      >${telephone}</a
                    >
                    (${price})<br />
                    <a class="e-link" href="mailto:${email}" style="color:#0b5667;font-weight:bold;"
                      >${email}</a
                    ><br />
                    <a class="e-link" href="${helpUrl}" style="color:#0b5667;font-weight:bold;"
                      >${t('help')}</a
                    >
                  </td>
                </tr>
                <tr>
                  <td
                    class="e-pad e-soft"
                    style="padding:12px 40px 0;font-family:${font};font-size:13px;line-height:20px;color:#45606b;"
                  >
                    ${t('neverAsk')}
                  </td>
                </tr>
              </table>
            </td>
          </tr>
        </table>
      </body>
    </html>`
  // Nothing in it is a promise, so the whole is a String already, though not a primitive one.
  return (page as HtmlEscapedString).toString()
}

/** The desk's lines of the text form. */
export const deskText = (t: Translate, language: Language, desk: Desk): string =>
  [
    t('deskTitle'),
    `${t('deskName')}, ${desk.hours[language]}`,
    `${desk.telephone} (${desk.price})`,
    desk.email,
    `${t('help')}${language === 'fr' ? '\u00a0' : ''}: ${desk.helpUrl}`,
    '',
    t('neverAsk'),
  ].join('\n')
