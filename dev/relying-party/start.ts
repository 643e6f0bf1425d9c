/** Runs one demonstration application: configuration, listen, graceful stop. */
import { createApp, type Application, type LogEvent } from './app.ts'
import { readApplicationConfig } from './config.ts'

export function startApplication(application: Application): void {
  const config = readApplicationConfig(process.env)
  const log: LogEvent = (event, fields) => {
    console.log(
      JSON.stringify({ time: new Date().toISOString(), service: application.key, event, ...fields }),
    )
  }
  const server = createApp(application, config, log).listen(config.PORT, config.HOST, (error) => {
    if (error) throw error
    log('listening', { url: config.APP_URL })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => log('stopped'))
      server.closeIdleConnections()
    })
  }
}
