/** Packages are put on a machine only where somebody said so: CI, TEST_REQUEST_TRACKER=install, or an answer at the terminal. */
import { createInterface } from 'node:readline/promises'
import { SetupError } from '../../../dev/setup-error.ts'
import { canInstall, findRequestTracker, installRequestTracker } from './server.ts'

/** Installs Request Tracker when it is missing, wanted and possible. What is still missing then, the suite says. */
export async function provideRequestTracker(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (isThere() || !canInstall()) return
  const agreed = Boolean(env['CI']) || env['TEST_REQUEST_TRACKER'] === 'install'
  if (!agreed && !(await ask())) return
  console.log('Installing the packages of Request Tracker 5 ...')
  try {
    installRequestTracker()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
  }
}

function isThere(): boolean {
  try {
    findRequestTracker()
    return true
  } catch (error) {
    if (error instanceof SetupError) return false
    throw error
  }
}

async function ask(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // An end of input is no answer: Ctrl-D must not leave the question open for ever.
  const ended = new Promise<string>((done) => terminal.once('close', () => done('')))
  const question = `The tests of the help desk need Request Tracker 5, about 230 Debian packages (50 MB); no service is started.
Install them on this machine? [y/N] `
  const answer = await Promise.race([terminal.question(question), ended])
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}
