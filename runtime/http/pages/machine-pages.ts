import { z } from 'zod';
import { key as boundKey } from '../../../actors/key.ts';
import { keyDialog, machinesPage, renameDialog, type AgentCard, type HostCard } from '../../../views/machines.ts';
import { findKey, findMachine, listKeys, listMachines, workersByMachine, type MachineRow } from '../../read-model/queries/machines.ts';
import { newKeyId } from '../api/machine-api.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';

const creating = boundKey.commands['create']!.schema;

export const machinePages = (): Route[] => [
  page('get', '/machines', 'read', (call) => {
    const x = context(call);
    const machines = listMachines(call.d.db);
    const workers = workersByMachine(call.d.db);
    const hosts = machines.filter((m) => m.is === 'ssh').map((m): HostCard => ({
      id: m.id, name: m.name || m.host, address: `${m.host}${m.port ? `:${m.port}` : ''}`, trust: m.trust, pinned: m.pinned?.fingerprint ?? null, offered: m.offered?.fingerprint ?? null, acceptedBy: m.acceptedBy, cordoned: m.cordoned,
      workers: workers.filter((w) => w.host === m.host && w.port === (m.port ?? 22)).map((w) => w.worker),
    }));
    return showPage(call, x, {
      title: x.t('nav.machines'),
      topics: ['machine', 'machine-heartbeat', 'worker', 'key', 'inbox', 'reply', 'notification'],
      main: machinesPage(x, {
        agents: machines.filter((m) => m.is === 'agent').map((m) => agent(call, m, workers)), hosts, mayDecide: call.who.scope === 'admin', join: `WORKER_PSK_FILE=./worker-psk NATS_URL=${call.d.joinUrl} troupe agent --machine rack-1`,
        keys: listKeys(call.d.db).map((k) => ({ id: k.id, comment: k.comment, status: k.status, type: k.type, fingerprint: k.fingerprint, publicKey: k.publicKey, error: k.error, createdMs: k.createdAt * 1000 })),
      }),
    });
  }),
  page('get', '/machines/keys/new', 'admin', (call) => showPiece(keyDialog(context(call)))),
  page('post', '/machines/keys', 'admin', async (call) => {
    const f = await call.form(z.object({ comment: z.string().default(''), private_key: z.string().default(''), passphrase: z.string().default('') }));
    // A browser's form ends lines with CR LF; ssh-keygen does not.
    const config = checked(creating, { comment: f.comment, private_key: `${f.private_key.replace(/\r\n/g, '\n').trim()}\n`, passphrase: f.passphrase || null });
    await call.command({ kind: 'key', id: newKeyId() }, 'create', config);
    return done(call, 'done.key');
  }),
  page('post', '/machines/keys/:id/remove', 'admin', async (call) => {
    await call.command({ kind: 'key', id: found(findKey(call.d.db, call.param('id')), 'this key').id }, 'remove');
    return done(call, 'done.removed');
  }),
  page('post', '/machines/:id/accept', 'admin', async (call) => {
    await call.command(at(call), 'accept', await call.form(z.object({ fingerprint: z.string() })));
    return done(call, 'done.accepted');
  }),
  page('get', '/machines/:id/rename', 'operate', (call) => {
    const m = one(call);
    return showPiece(renameDialog(context(call), { id: m.id, name: m.name }));
  }),
  page('post', '/machines/:id/rename', 'operate', async (call) => {
    await call.command(at(call), 'rename', await call.form(z.object({ name: z.string() })));
    return done(call, 'done.saved');
  }),
  ...(['forget-key', 'cordon', 'uncordon', 'remove'] as const).map((verb) => page('post', `/machines/:id/${verb}`, verb === 'forget-key' ? 'admin' : 'operate', async (call) => {
    await call.command(at(call), verb);
    return done(call, verb === 'remove' ? 'done.removed' : 'done.ok');
  })),
];

const one = (call: Call): MachineRow => found(findMachine(call.d.db, call.param('id')), `machine ${call.param('id')}`);
const at = (call: Call) => ({ kind: 'machine', id: one(call).id });

function agent(call: Call, m: MachineRow, workers: ReturnType<typeof workersByMachine>): AgentCard {
  const f = call.d.machines.latest(m.id);
  const own = workers.filter((w) => w.machine === m.id);
  const said = new Map((f?.workers ?? []).map((w) => [w.key, w]));
  const ids = [...new Set([...own.map((w) => w.worker), ...said.keys()])].sort();
  return {
    id: m.id, name: m.name || m.id, host: m.host, link: m.link, cordoned: m.cordoned, system: m.facts && `${m.facts.os} · ${m.facts.arch} · Node ${m.facts.node}${m.facts.chromium ? ` · Chromium ${m.facts.chromium}` : ''}`, version: m.facts?.version ?? null,
    usage: f && { cpu: f.cpuRatio, cpus: f.cpus, memoryUsed: f.memoryTotalBytes - f.memoryFreeBytes, memoryTotal: f.memoryTotalBytes, diskUsed: f.diskTotalBytes - f.diskFreeBytes, diskTotal: f.diskTotalBytes, heardMs: f.atMs },
    workers: ids.map((id) => ({ id, known: own.some((w) => w.worker === id), state: said.get(id)?.state ?? own.find((w) => w.worker === id)?.status ?? 'stopped', memoryMb: said.has(id) && said.get(id)!.rssBytes > 0 ? Math.round(said.get(id)!.rssBytes / 1_048_576) : null })),
  };
}
