import { z } from 'zod';
import { erasureMachine } from '../machines/erasure.ts';
import { bind } from './binding.ts';

const nothing = z.strictObject({});

/** The deletion of what one person wrote. Whom it is about is sealed, and forgotten with the last step. */
export const erasure = bind({
  kind: 'erasure',
  machine: erasureMachine,
  stamp: true,
  commands: {
    create: {
      schema: z.strictObject({ platform: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be a platform id'), person: z.string().min(1, 'must be the platform\'s id of the person').max(200) }),
      secrets: [{ path: 'person', field: 'person' }],
      input: (p, { id, by }) => ({ id, platform: p.platform, person: p.person, by }),
    },
    retry: { schema: nothing, event: (_, { by }) => ({ type: 'RETRY_NOW', by }) },
  },
  events: { RETRY_NOW: nothing },
  effects: { erase: { on: 'master' }, forgetPerson: { on: 'master' } },
});
