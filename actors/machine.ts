import { z } from 'zod';
import { machineMachine } from '../machines/machine.ts';
import { bind } from './binding.ts';

const fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint like SHA256:…');
const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** What an operator may say about a machine: whether its key is accepted, whether new workers may go there. */
export const machine = bind({
  kind: 'machine',
  machine: machineMachine,
  stamp: true,
  again: true,
  /** Known from the first time that its agent joins, or that it shows its key. */
  onDemand: (id) => ({ id, is: id.startsWith('ssh-') ? 'ssh' : 'agent', host: '', name: id.startsWith('ssh-') ? '' : id }),
  commands: {
    create: {
      schema: z.strictObject({ is: z.enum(['agent', 'ssh']), name: z.string().trim().min(1).max(100).optional(), host: z.string().max(253), port: z.number().int().min(1).max(65_535).nullable().default(null) }),
      input: (p, { id }) => ({ id, is: p.is, name: p.name ?? p.host, host: p.host, port: p.port }),
    },
    accept: { schema: z.strictObject({ fingerprint }), event: (p, { by }) => ({ type: 'ACCEPT', fingerprint: p.fingerprint, by }) },
    'forget-key': plain('FORGET_KEY'),
    cordon: plain('CORDON'),
    uncordon: plain('UNCORDON'),
    rename: { schema: z.strictObject({ name: z.string().trim().min(1).max(100) }), event: (p, { by }) => ({ type: 'RENAME', name: p.name, by }) },
    remove: plain('REMOVE'),
  },
  events: {
    JOINED: z.object({
      incarnation: z.string(),
      facts: z.object({ host: z.string(), os: z.string(), arch: z.string(), cpus: z.number(), memoryTotalBytes: z.number(), version: z.string(), node: z.string(), chromium: z.string().nullable() }),
    }),
    KEY_SHOWN: z.object({ fingerprint, host: z.string().max(253), port: z.number().int() }),
    SUSPECT: nothing, SEEN: nothing, OFFLINE: nothing, ACCEPT: z.object({ fingerprint }), FORGET_KEY: nothing, CORDON: nothing, UNCORDON: nothing, REMOVE: nothing,
  },
  effects: {},
});
