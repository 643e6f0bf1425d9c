/** Runs one demonstration application: listen, graceful stop. */
import { createApp, type Application, type Extension, type LogEvent } from './app.ts'
import type { ApplicationConfig } from './config.ts'

export function createEventLog(service: string): LogEvent {
  return (event, fields) => {
    console.log(JSON.stringify({ time: new Date().toISOString(), service, event, ...fields }))
  }
}

export function startApplication(
  application: Application,
  config: ApplicationConfig,
  log: LogEvent,
  extension?: Extension,
): void {
  const server = createApp(application, config, log, extension).listen(config.PORT, config.HOST, (error) => {
    if (error) throw error
    log('listening', { url: config.APP_URL })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => {
        log('stopped')
        void extension?.close?.()
      })
      server.closeIdleConnections()
    })
  }
}
