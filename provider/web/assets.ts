/** Static files of the pages: provider/assets/, and the look that the Keycloak theme has too. */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import express, { Router } from 'express'

const ours = new URL('../assets/', import.meta.url)
const theme = new URL('../../themes/ellipro/login/resources/', import.meta.url)

/** Files shared with the theme, by their base names, and those of provider/assets; what is neither goes on to a 404. */
export function assets(): Router {
  const router = Router()
  const options = {
    index: false,
    redirect: false,
    dotfiles: 'ignore',
    cacheControl: false,
    setHeaders: (res: { setHeader(name: string, value: string): void }) =>
      res.setHeader('Cache-Control', 'public, max-age=300'),
  } as const
  for (const file of ['css/tokens.css', 'css/pages.css', 'js/passwordVisibility.js', 'img/favicon.svg'])
    router.use(`/${basename(file)}`, express.static(fileURLToPath(new URL(file, theme)), options))
  router.use(express.static(fileURLToPath(ours), options))
  return router
}
