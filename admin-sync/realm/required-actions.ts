/** Required actions that the activation relies on, or that would go around it. Others are the administrator's. */
export const requiredActions: Record<string, Record<string, unknown>> = {
  VERIFY_EMAIL: {
    enabled: true,
    // "Send it again" on Keycloak's page once a minute, so that nobody floods a mailbox.
    config: { emailResendCooldownSeconds: '60' },
  },
  UPDATE_PASSWORD: { enabled: true },
  UPDATE_EMAIL: {
    enabled: true,
    // The new address is proved before it counts. Off, any session could move the account to another mailbox.
    config: { verifyEmail: 'true' },
  },
  // Lets a signed-in person link their own account to a provider. Links are made by the activation only, and go away
  // after the first sign-in.
  idp_link: { enabled: false },
}
