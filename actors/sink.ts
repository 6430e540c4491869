import { z } from 'zod';
import { sinkMachine } from '../machines/sink.ts';
import { bind } from './binding.ts';

const host = z.string().max(253).regex(/^[a-zA-Z0-9][a-zA-Z0-9.:_-]*$/, 'must be a host name or an IP address');
const address = z.string().max(254).regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, 'must be an e-mail address');
const fields = {
  name: z.string().trim().min(1).max(100),
  type: z.enum(['webhook', 'email']),
  enabled: z.boolean(),
  least: z.enum(['info', 'warning', 'critical']),
  url: z.string().max(1000).refine((v) => /^https?:\/\//.test(v) && URL.canParse(v) && !new URL(v).username, 'must be an address that starts with https:// or http://, without a password in it').nullable(),
  secret: z.string().min(16, 'must have at least 16 characters').max(500).nullable(),
  host: host.nullable(),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(['tls', 'starttls', 'none']),
  user: z.string().min(1).max(200).nullable(),
  password: z.string().min(1).max(500).nullable(),
  from: address.nullable(),
  to: z.array(address).max(20),
};
type Some = { type?: string | undefined; url?: string | null | undefined; secret?: string | null | undefined; host?: string | null | undefined; from?: string | null | undefined; to?: string[] | undefined };
const whole = (c: Some, ctx: { addIssue(i: { code: 'custom'; path: string[]; message: string }): void }) => {
  const need = (path: keyof Some, what: string) => {
    if (c[path] == null || c[path]?.length === 0) ctx.addIssue({ code: 'custom', path: [path], message: what });
  };
  if (c.type === 'webhook') need('url', 'is needed: where to send it');
  if (c.type === 'webhook') need('secret', 'is needed: it signs what is sent');
  if (c.type === 'email') for (const path of ['host', 'from', 'to'] as const) need(path, 'is needed for e-mail');
};

export const sinkConfig = z.strictObject({
  ...fields, enabled: fields.enabled.default(true), least: fields.least.default('warning'), url: fields.url.default(null), secret: fields.secret.default(null), host: fields.host.default(null), port: fields.port.default(587), security: fields.security.default('starttls'),
  user: fields.user.default(null), password: fields.password.default(null), from: fields.from.default(null), to: fields.to.default([]),
}).superRefine(whole);
const { type: _, ...changeable } = fields;
export const sinkPatch = z.strictObject(Object.fromEntries(Object.entries(changeable).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof changeable]: z.ZodOptional<(typeof changeable)[K]> });

const nothing = z.strictObject({});
const secrets = [{ path: 'secret', field: 'secret' }, { path: 'password', field: 'password' }];
const plain = (type: string) => ({ schema: nothing, event: (__: unknown, { by }: { by: string }) => ({ type, by }) });

/** A webhook or a mailbox that alerts go to. */
export const sink = bind({
  kind: 'sink',
  machine: sinkMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: sinkConfig, secrets, input: (p, { id }) => ({ id, config: p }) },
    update: { schema: sinkPatch, secrets, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    test: plain('TEST'),
    retry: plain('RETRY_NOW'),
    remove: plain('REMOVE'),
  },
  events: {
    SEND: z.object({ message: z.looseObject({ id: z.string().max(200), alert: z.string(), name: z.string(), what: z.enum(['firing', 'resolved']), severity: z.enum(['info', 'warning', 'critical']), breaching: z.array(z.object({ subject: z.string(), value: z.number() })), text: z.string().max(2000), at: z.number() }) }),
    TEST: nothing, RETRY_NOW: nothing, REMOVE: nothing,
  },
  effects: { post: { on: 'master' }, forgetSink: { on: 'master' } },
});
