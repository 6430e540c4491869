import { z } from 'zod';
import { proxyMachine } from '../machines/proxy.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const password = z.string().min(1, 'must not be empty').max(500);
export const proxyFields = {
  name: z.string().trim().min(1, 'must not be empty').max(100),
  protocol: z.enum(['http', 'https', 'socks5']),
  server: z.string().trim().regex(/^[a-zA-Z0-9.-]{1,253}:\d{1,5}$|^\[[0-9a-fA-F:]{2,45}\]:\d{1,5}$/, 'must be host:port, like proxy.example:8080'),
  username: z.string().max(200).nullish().transform((v) => v || null),
  /** Arrives as a reference: the words themselves are sealed before anything is stored. */
  password: password.nullable(),
  checkEvery: z.number().int().min(0).max(1440),
  note: z.string().trim().max(500),
};
export const proxyConfig = z.strictObject({ ...proxyFields, username: proxyFields.username.default(null), password: proxyFields.password.default(null), checkEvery: proxyFields.checkEvery.default(10), note: proxyFields.note.default('') });
export const proxyPatch = z.strictObject({ name: proxyFields.name.optional(), protocol: proxyFields.protocol.optional(), server: proxyFields.server.optional(), username: proxyFields.username.optional(), password: proxyFields.password.optional(), checkEvery: proxyFields.checkEvery.optional(), note: proxyFields.note.optional() });

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });
const secrets = [{ path: 'password', field: 'password' }];

/** A way out that accounts go by. Its password is in the vault alone. */
export const proxy = bind({
  kind: 'proxy',
  machine: proxyMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: proxyConfig, secrets, input: (p, { id, by }) => ({ id, config: p, by }) },
    update: { schema: proxyPatch, secrets, event: (p, { by }) => ({ type: 'UPDATE', config: Object.fromEntries(Object.entries(p as object).filter(([, v]) => v !== undefined)), by }) },
    check: { schema: z.strictObject({ worker: z.string().regex(ID, 'must be a worker id').nullable().default(null) }), event: (p, { by }) => ({ type: 'CHECK', worker: p.worker, by }) },
    enable: plain('ENABLE'),
    disable: plain('DISABLE'),
    /** `confirm`: its accounts go on without a proxy. */
    remove: { schema: z.strictObject({ confirm: z.boolean().optional() }), event: (_, { by }) => ({ type: 'REMOVE', by }) },
  },
  events: { CHECK: z.object({ worker: z.string().nullable().optional() }), ENABLE: nothing, DISABLE: nothing },
  effects: { seat: { on: 'master' }, probe: { on: 'worker' }, unbind: { on: 'master' } },
});
