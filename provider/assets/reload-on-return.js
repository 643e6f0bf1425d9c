// The page of an activation waits for something that happens in another tab or on another device. It is loaded again
// when somebody looks at it again; without this script its own link does the same.
let hiddenAt
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') hiddenAt = Date.now()
  else if (hiddenAt !== undefined && Date.now() - hiddenAt > 2000) location.reload()
})
