import { z } from 'zod';
import { keyMachine } from '../machines/key.ts';
import { bind } from './binding.ts';

/** The key store: private keys for SSH. Nothing of a key but its fingerprint and public half is ever shown. */
export const key = bind({
  kind: 'key',
  machine: keyMachine,
  stamp: true,
  again: true,
  commands: {
    create: {
      schema: z.strictObject({
        comment: z.string().trim().max(200).default(''),
        private_key: z.string().min(40).max(20_000).regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'must be a private key as ssh-keygen writes it'),
        passphrase: z.string().min(1).max(500).nullable().default(null),
      }),
      secrets: [{ path: 'private_key', field: 'private' }, { path: 'passphrase', field: 'passphrase' }],
      input: (p, { id }) => ({ id, comment: p.comment, secret: p.private_key, passphrase: p.passphrase }),
    },
    remove: { schema: z.strictObject({}), event: (_, { by }) => ({ type: 'REMOVE', by }) },
  },
  events: { REMOVE: z.strictObject({}) },
  effects: { readKey: { on: 'master' }, forgetKey: { on: 'master' } },
});
