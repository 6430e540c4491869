import { z } from 'zod';
import { loginMachine } from '../machines/login.ts';
import { bind } from './binding.ts';

/** A login's public commands; it is started by its account. */
export const login = bind({
  kind: 'login',
  machine: loginMachine,
  stamp: true,
  commands: {
    answer: {
      schema: z.strictObject({ txn: z.string().min(1).max(100), value: z.string().min(1).max(1000) }),
      secrets: [{ path: 'value', field: 'answer' }],
      event: (p, { by }) => ({ type: 'ANSWER', txn: p.txn, ref: p.value, by }),
    },
    cancel: { schema: z.strictObject({}), event: (_, { by }) => ({ type: 'CANCEL', by }) },
  },
  events: {
    LEASED: z.object({ worker: z.string(), epoch: z.number() }),
    WORKER_LOST: z.object({ reason: z.string() }),
    CANCEL: z.strictObject({}),
  },
  effects: { login: { on: 'worker' } },
});
