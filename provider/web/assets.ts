/** Static files of the pages: provider/assets/, and the design tokens that the Keycloak theme uses too. */
import express, { Router } from 'express'

const ours = new URL('../assets/', import.meta.url)
const theme = new URL('../../themes/ellipro/login/resources/css/', import.meta.url)

/** GET /tokens.css, /pages.css (shared with the theme) and the files of provider/assets; 404 goes on to the pages' own. */
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
  for (const file of ['tokens.css', 'pages.css'])
    router.use(`/${file}`, express.static(new URL(file, theme).pathname, options))
  router.use(express.static(ours.pathname, options))
  return router
}
