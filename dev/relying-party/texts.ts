/** What the demonstration applications say, in French and in English. */

export type Language = 'fr' | 'en'

const fr = {
  language: 'fr' as Language,
  skip: 'Aller au contenu',
  signedOutTitle: 'Bienvenue sur Ellipro',
  signedOutLead: 'Connectez-vous avec votre adresse e-mail et votre mot de passe.',
  signedOutNotice: 'Vous êtes déconnecté de toutes les applications Ellipro.',
  signIn: 'Se connecter',
  or: 'ou',
  fromCofacering: 'Je viens de Cofacering',
  fromCofaceringHint:
    'Vous avez un identifiant Cofacering et c’est votre première visite ? Commencez par ici, comme d’habitude.',
  signedInTitle: 'Vous êtes connecté',
  signedInLead: 'Une seule connexion suffit pour toutes les applications Ellipro.',
  person: 'Nom',
  email: 'Adresse e-mail',
  company: 'Société',
  other: 'Ouvrir l’autre application',
  signOut: 'Se déconnecter partout',
  claims: 'Ce que Keycloak dit de vous à cette application',
  claim: 'Donnée',
  value: 'Valeur',
  home: 'Revenir à l’accueil',
  again: 'Se connecter à nouveau',
  messages: {
    attemptUnknown: {
      title: 'Cette connexion n’est plus en cours',
      text: 'Elle a pu être terminée dans un autre onglet, ou votre navigateur refuse les cookies de ce site. Recommencez, cela prend un instant.',
    },
    signInDenied: { title: 'La connexion n’a pas eu lieu', text: 'Elle a été annulée ou refusée.' },
    signInFailed: { title: 'La connexion n’a pas abouti', text: 'Rien n’est perdu : recommencez.' },
    unreachable: {
      title: 'La connexion est momentanément indisponible',
      text: 'Le service d’identification ne répond pas. Réessayez dans quelques minutes.',
    },
    signedOutHere: {
      title: 'Vous êtes déconnecté de cette application',
      text: 'Le service d’identification ne répond pas : les autres applications peuvent être encore ouvertes. Fermez votre navigateur si vous partagez cet ordinateur.',
    },
    formRefused: { title: 'Demande refusée', text: 'Elle ne venait pas d’une page de cette application.' },
    notFound: { title: 'Cette page n’existe pas', text: 'Vérifiez l’adresse, ou revenez à l’accueil.' },
    failed: { title: 'Une erreur est survenue', text: 'Elle a été enregistrée. Réessayez dans un instant.' },
  },
}
export type Texts = typeof fr
export type MessageKey = keyof Texts['messages']

const en: Texts = {
  language: 'en',
  skip: 'Skip to content',
  signedOutTitle: 'Welcome to Ellipro',
  signedOutLead: 'Sign in with your e-mail address and password.',
  signedOutNotice: 'You are signed out of all Ellipro applications.',
  signIn: 'Sign in',
  or: 'or',
  fromCofacering: 'I come from Cofacering',
  fromCofaceringHint: 'You have a Cofacering login and this is your first visit? Start here, as usual.',
  signedInTitle: 'You are signed in',
  signedInLead: 'One sign-in is enough for all Ellipro applications.',
  person: 'Name',
  email: 'E-mail address',
  company: 'Company',
  other: 'Open the other application',
  signOut: 'Sign out everywhere',
  claims: 'What Keycloak tells this application about you',
  claim: 'Claim',
  value: 'Value',
  home: 'Back to the home page',
  again: 'Sign in again',
  messages: {
    attemptUnknown: {
      title: 'This sign-in is no longer under way',
      text: 'It may have been finished in another tab, or your browser refuses cookies from this site. Start again, it takes a moment.',
    },
    signInDenied: { title: 'You were not signed in', text: 'The sign-in was cancelled or refused.' },
    signInFailed: { title: 'The sign-in did not succeed', text: 'Nothing is lost: start again.' },
    unreachable: {
      title: 'Signing in is not possible at the moment',
      text: 'The identity service does not answer. Try again in a few minutes.',
    },
    signedOutHere: {
      title: 'You are signed out of this application',
      text: 'The identity service does not answer: other applications may still be open. Close your browser if you share this computer.',
    },
    formRefused: { title: 'Request refused', text: 'It did not come from a page of this application.' },
    notFound: { title: 'There is no such page', text: 'Check the address, or go back to the home page.' },
    failed: { title: 'Something went wrong', text: 'It was recorded. Try again in a moment.' },
  },
}

/** `language` is what Express made of Accept-Language; anything unknown gets French. */
export function chooseTexts(language: string | false): Texts {
  return language === 'en' ? en : fr
}
