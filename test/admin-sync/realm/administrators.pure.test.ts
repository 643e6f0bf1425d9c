/** Reading who is an administrator while Keycloak fails: admin-sync does so at its start, and must go on without. */
import { expect, it } from 'vitest'
import { findAdministrators } from '../../../admin-sync/realm/administrators.ts'
import type { RealmAdmin } from '../../../admin-sync/keycloak/realm.ts'
import { UpstreamError } from '../../../core/errors.ts'

const broken = () => Promise.reject(new UpstreamError('keycloak', 500, 'retry', 'http_500'))

// A rejection that nobody awaits ends the process: vitest reports it as unhandled.
it('fails as one, when two questions that were asked together both fail', async () => {
  const admin = {
    name: 'test',
    listClientRoles: () => Promise.resolve([{ id: '1', name: 'manage-users' }]),
    listRoles: () => Promise.resolve([]),
    listTopGroups: () => Promise.resolve([]),
    listClientRoleUsers: broken,
    listClientRoleGroups: broken,
  } as unknown as RealmAdmin
  await expect(findAdministrators(admin, 'management')).rejects.toMatchObject({ code: 'http_500' })
  // Unhandled rejections are reported once the queue of microtasks is empty.
  await new Promise((done) => setTimeout(done, 0))
})
