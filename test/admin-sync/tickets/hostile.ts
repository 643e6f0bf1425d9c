/** What somebody may type into a form: each of it has to arrive in a help desk as typed, and do nothing there. */
export const hostileTexts: [name: string, typed: string][] = [
  [
    'a header',
    'Urgent\r\nBcc: victim@elsewhere.example\r\nX-Ellipro-Case: ELP-0000-0000'.replaceAll('\r', ''),
  ],
  ['ten thousand characters', 'Très long. '.repeat(910).slice(0, 10_000).trim()],
  ['emoji', 'Famille 👨‍👩‍👧‍👦 et 🇫🇷 à 50 € 🙂'],
  ['HTML', '<h1>Bonjour</h1><img src=x onerror=alert(1)> &eacute; &lt;'],
  ['a script as a name', '"><script>document.title="executed"</script>'],
  ['quotes of TicketSQL', String.raw`x' OR id > 0 OR Subject = '\' \\ "`],
  [
    'a template of RT and of a shell',
    '{$Ticket->SetStatus("resolved")} $(reboot) `reboot` %Ticket% {{7*7}} ${7*7}',
  ],
  ['a dot on a line', 'avant\n.\naprès\nFrom moi\n-- \nfin'],
  ['a character that is none', 'avant\0après \ud800 fin'],
]
