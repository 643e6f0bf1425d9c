// Shows and hides a password. Stands in for Keycloak's file of the same name, and serves provider's pages as well
// (/assets/passwordVisibility.js, type="module"). The button is `hidden` until this script runs, because without it
// the button would do nothing. Markup: field.ftl, or the comment at the top of css/pages.css.

for (const button of document.querySelectorAll('[data-password-toggle]')) {
  const field = document.getElementById(button.getAttribute('aria-controls'))
  const { textShow, textHide, labelShow, labelHide } = button.dataset
  const show = (shown) => {
    field.type = shown ? 'text' : 'password'
    button.textContent = shown ? textHide : textShow
    button.setAttribute('aria-label', shown ? labelHide : labelShow)
  }
  button.hidden = false
  button.addEventListener('click', () => show(field.type === 'password'))
  // A password that is sent as text may be kept by the browser among the words it suggests, and is no password to its manager.
  field.form?.addEventListener('submit', () => show(false))
}
