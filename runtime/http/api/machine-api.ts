import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { key as boundKey } from '../../../actors/key.ts';
import { machine as bound } from '../../../actors/machine.ts';
import { findKey, findMachine, listKeys, listMachines, type KeyRow, type MachineRow } from '../../read-model/queries/machines.ts';
import { found, type Call } from '../call.ts';
import type { Route } from '../routes.ts';
import { pathId } from './query.ts';
import { answer, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const TAG = 'machines';
const accepting = bound.commands['accept']!.schema;
const renaming = bound.commands['rename']!.schema;
const adding = boundKey.commands['create']!.schema;
const SUMMARY = { 'forget-key': 'Forget the accepted host key; the next one that is shown must be accepted anew', cordon: 'Send no new workers there', uncordon: 'Send workers there again' };

export const machineApi = (): Route[] => [
  ...mount('get', '/machines', 'read', { tag: TAG, summary: 'Machines: of agents, and hosts of SSH', answer: '{success, machines}' }, (call) => answer(call, { success: true, machines: listMachines(call.d.db).map((m) => machineRow(call, m)) })),
  ...mount('get', '/machines/:id', 'read', { tag: TAG, summary: 'One machine', answer: '{success, machine}' }, (call) => answer(call, { success: true, machine: machineRow(call, one(call)) })),
  ...mount('post', '/machines/:id/accept', 'admin', { tag: TAG, summary: 'Accept the host key that was shown, by its fingerprint', body: accepting, answer: '{success, state}' }, (call) => command(call, 'accept', accepting)),
  ...mount('patch', '/machines/:id', 'operate', { tag: TAG, summary: 'Rename a machine', body: renaming, answer: '{success, state}' }, (call) => command(call, 'rename', renaming)),
  ...(['forget-key', 'cordon', 'uncordon'] as const).flatMap((verb) => mount('post', `/machines/:id/${verb}`, verb === 'forget-key' ? 'admin' : 'operate', { tag: TAG, summary: SUMMARY[verb], answer: '{success, state}' }, (call) => command(call, verb))),
  ...mount('delete', '/machines/:id', 'operate', { tag: TAG, summary: 'Remove a machine from the list', answer: '{success, state}' }, (call) => command(call, 'remove')),
  ...mount('get', '/ssh-keys', 'read', { tag: TAG, summary: 'Keys for SSH: what is public of them', answer: '{success, keys}' }, (call) => answer(call, { success: true, keys: listKeys(call.d.db).map(keyRow) })),
  ...mount('post', '/ssh-keys', 'admin', { tag: TAG, summary: 'Add a private key; it is sealed and never shown again', body: adding, answer: '{success, key}', status: 201 }, async (call) => {
    const given = await readBody(call, adding);
    const id = newKeyId();
    const done = await call.command({ kind: 'key', id }, 'create', given);
    return answer(call, { success: true, key: { id, comment: (given as { comment: string }).comment, status: done.state } }, 201, { Location: `/api/v1/ssh-keys/${id}` });
  }),
  ...mount('delete', '/ssh-keys/:id', 'admin', { tag: TAG, summary: 'Destroy a key', answer: '{success}' }, async (call) => {
    const row = found(findKey(call.d.db, pathId(call)), `key ${call.param('id')}`);
    await call.command({ kind: 'key', id: row.id }, 'remove');
    return answer(call, { success: true, id: row.id });
  }),
];

export const newKeyId = (): string => `k${randomBytes(5).toString('hex')}`;

const one = (call: Call): MachineRow => found(findMachine(call.d.db, pathId(call)), `machine ${call.param('id')}`);

async function command(call: Call, verb: string, schema?: z.ZodType): Promise<Response> {
  const row = one(call);
  const done = await call.command({ kind: 'machine', id: row.id }, verb, schema ? await readBody(call, schema) : {});
  return answer(call, { success: true, id: row.id, state: done.state });
}

function machineRow(call: Call, m: MachineRow): Record<string, unknown> {
  const f = call.d.machines.latest(m.id);
  return withIso({
    id: m.id, is: m.is, name: m.name, host: m.host, port: m.port, link_status: m.link, trust: m.trust, fingerprint: m.pinned?.fingerprint ?? null, offered_fingerprint: m.offered?.fingerprint ?? null, accepted_by: m.acceptedBy, cordoned: m.cordoned,
    facts: m.facts && { os: m.facts.os, arch: m.facts.arch, cpus: m.facts.cpus, memory_total_bytes: m.facts.memoryTotalBytes, version: m.facts.version, node: m.facts.node, chromium: m.facts.chromium },
    usage: f && { cpu_ratio: f.cpuRatio, memory_free_bytes: f.memoryFreeBytes, disk_free_bytes: f.diskFreeBytes, disk_total_bytes: f.diskTotalBytes, heard_at: Math.floor(f.atMs / 1000), workers: f.workers.map((w) => ({ worker_id: w.key, state: w.state, pid: w.pid, restarts: w.restarts, rss_bytes: w.rssBytes, cpu_ratio: w.cpuRatio })) },
    created_at: m.createdAt, updated_at: m.updatedAt,
  });
}

const keyRow = (k: KeyRow): Record<string, unknown> => withIso({ id: k.id, comment: k.comment, status: k.status, type: k.type, fingerprint: k.fingerprint, public_key: k.publicKey, error: k.error, created_at: k.createdAt });
