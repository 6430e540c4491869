import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { agentPassword, agentUser, joinPassword, pskName } from '../../runtime/agent/passwords.ts';
import { run as secretsVerb } from '../../runtime/cli/secrets.ts';
import { admitMachine, admitWorker } from '../../runtime/nats-server/admit-worker.ts';
import { serverReady, tryServer } from '../../runtime/nats-server/server-ready.ts';
import { knownMachines, usersFile, writeUsers } from '../../runtime/nats-server/users.ts';
import { natsLogin, workerLogin, type NatsLogin } from '../../runtime/nats-login.ts';
import { installationOf, readPsks, workerPassword } from '../../runtime/secrets.ts';
import type { VerbContext } from '../../runtime/verb.ts';
import { Link } from '../../runtime/worker/link.ts';
import { STREAM } from '../../transport/subjects.ts';
import { runningServer, type RunningServer } from './running-server.ts';

let server: RunningServer;
const open: NatsConnection[] = [];

beforeAll(async () => {
  server = await runningServer();
  await admitWorker(server.config, server.secrets, 'worker-1');
  await admitWorker(server.config, server.secrets, 'worker-2');
  const jsm = await jetstreamManager(await as(natsLogin(server.config, 'master')));
  await jsm.streams.add({ name: STREAM.journal, subjects: ['troupe.journal.*.*'], deny_delete: true, deny_purge: true });
  await jsm.streams.add({ name: STREAM.inbox, subjects: ['troupe.in.>'] });
});
afterEach(async () => void (await Promise.all(open.splice(0).map((nc) => nc.close()))));
afterAll(() => server?.stop());

async function as(login: NatsLogin): Promise<NatsConnection> {
  const nc = await connect({ ...login, reconnect: false });
  open.push(nc);
  return nc;
}
const worker = (id: string) => as(workerLogin(server.config, id));
const role = (r: 'master' | 'web' | 'operator') => as(natsLogin(server.config, r));

/** The server's own words on what a connection just tried; empty when it was allowed. */
async function violation(nc: NatsConnection, attempt: () => void): Promise<string> {
  const status = nc.status();
  attempt();
  await nc.flush();
  // The refusal travels before the PONG of the flush, so it is queued by now.
  queueMicrotask(() => void nc.close());
  for await (const s of status) if (s.type === 'error') return String(s.error.message);
  return '';
}

it('lets no one in without a password, or with another worker\'s', async () => {
  const servers = server.config.nats.servers;
  await expect(connect({ servers, reconnect: false })).rejects.toThrow(/authorization/i);
  const mine = workerLogin(server.config, 'worker-1');
  await expect(connect({ ...mine, user: 'worker-2', reconnect: false })).rejects.toThrow(/authorization/i);
});

it.each([
  'troupe.fx.worker-1', 'troupe.fx.worker-2', 'troupe.cmd.account.a.pause', 'troupe.ask.worker-2.vault-get', 'troupe.hb.worker-2', 'troupe.in.account.a.PAUSE', 'troupe.in.account.a.~done.worker-2',
  'troupe.in.account.a.~done.worker-1.x', 'troupe.journal.account.a', 'troupe.log.worker-2.info', 'troupe.data.a.comment', '$JS.API.INFO', '$JS.API.STREAM.INFO.TROUPE_JOURNAL', '$JS.API.DIRECT.GET.TROUPE_JOURNAL.troupe.journal.account.a',
  '$JS.ACK.TROUPE_IN.x.1.1.1.1.1', '$KV.troupe-vault.a', '$SRV.PING', '_INBOX.x', '_INBOX_worker-2.x', '_INBOX_master.x',
])('a worker can\'t publish to %s', async (subject) => {
  const nc = await worker('worker-1');
  expect(await violation(nc, () => nc.publish(subject, '{}'))).toMatch(/permissions violation for publish/i);
});

it.each(['troupe.fx.worker-2', 'troupe.fx.*', 'troupe.>', '>', 'troupe.journal.>', '_INBOX.>', '_INBOX_worker-2.>', '_INBOX_master.>', '$SYS.>', '$KV.>', '$JS.EVENT.>'])('a worker can\'t subscribe to %s', async (subject) => {
  const nc = await worker('worker-1');
  expect(await violation(nc, () => void nc.subscribe(subject, { callback: () => undefined }))).toMatch(/permissions violation for subscription/i);
});

it.each(['troupe.ask.worker-1.register', 'troupe.hb.worker-1', 'troupe.log.worker-1.info', 'troupe.in.account.a.~done.worker-1'])('a worker may publish to %s', async (subject) => {
  const nc = await worker('worker-1');
  expect(await violation(nc, () => nc.publish(subject, '{}'))).toBe('');
});

it('a worker answers what it is asked, and its results are stored', async () => {
  const w = await worker('worker-1');
  w.subscribe('troupe.fx.worker-1', { callback: (_, m) => void m.respond('{"taken":true}') });
  await w.flush();
  const master = await role('master');
  expect((await master.request('troupe.fx.worker-1', '{}')).string()).toBe('{"taken":true}');
  const ack = await jetstream(w).publish('troupe.in.account.a.~done.worker-1', '{}');
  expect(ack.stream).toBe(STREAM.inbox);
});

it('no role can destroy the journal', async () => {
  for (const r of ['master', 'web', 'operator'] as const) {
    for (const verb of ['DELETE', 'PURGE', 'MSG.DELETE']) {
      const nc = await role(r);
      expect(await violation(nc, () => nc.publish(`$JS.API.STREAM.${verb}.${STREAM.journal}`, '{}')), `${r} ${verb}`).toMatch(/permissions violation/i);
    }
  }
  const jsm = await jetstreamManager(await role('master'));
  expect((await jsm.streams.info(STREAM.journal)).config.name).toBe(STREAM.journal);
});

it('the operator reads the journal, sends events and asks commands, as the nats CLI does', async () => {
  const master = await role('master');
  master.subscribe('troupe.cmd.account.a.pause', { callback: (_, m) => void m.respond('{"ok":true}') });
  await jetstream(master).publish('troupe.journal.account.a', '{"index":1}');
  const op = await role('operator');
  const jsm = await jetstreamManager(op);
  expect((await jsm.streams.getMessage(STREAM.journal, { last_by_subj: 'troupe.journal.account.a' }))!.json()).toEqual({ index: 1 });
  expect((await jetstream(op).publish('troupe.in.account.a.PAUSE', '{}')).stream).toBe(STREAM.inbox);
  expect((await op.request('troupe.cmd.account.a.pause', '{}')).json()).toEqual({ ok: true });
  const c = await jetstream(op).consumers.get(STREAM.journal);
  expect((await c.next())!.json()).toEqual({ index: 1 });
});

it('the operator hears everything but sessions on their way', async () => {
  const op = await role('operator');
  const heard: string[] = [];
  const sub = op.subscribe('troupe.>', { callback: (_, m) => void heard.push(m.subject) });
  await op.flush();
  const w = await worker('worker-1');
  w.publish('troupe.ask.worker-1.vault-put', '{"value":"cookie"}');
  w.publish('troupe.hb.worker-1', '{}');
  await w.flush();
  await expect.poll(() => heard).toContain('troupe.hb.worker-1');
  expect(heard).toEqual(['troupe.hb.worker-1']);
  sub.unsubscribe();
});

it.each(['troupe.journal.account.a', 'troupe.fx.worker-1', 'troupe.hb.worker-1', '$JS.API.STREAM.CREATE.X', `$JS.API.CONSUMER.CREATE.${STREAM.inbox}.x`, `$JS.API.STREAM.UPDATE.${STREAM.inbox}`, '$KV.other.x', '$KV.troupe-vault.a.session'])('the page can\'t publish to %s', async (subject) => {
  const nc = await role('web');
  expect(await violation(nc, () => nc.publish(subject, '{}'))).toMatch(/permissions violation for publish/i);
});

it('the page reads streams and sends events', async () => {
  const web = await role('web');
  expect((await jetstream(web).publish('troupe.in.account.a.PAUSE', '{}')).stream).toBe(STREAM.inbox);
  const c = await jetstream(web).consumers.get(STREAM.journal);
  expect((await c.next())!.subject).toBe('troupe.journal.account.a');
});

it('a new worker is admitted while the server and the others run on', async () => {
  const first = await worker('worker-1');
  await expect(worker('worker-9')).rejects.toThrow(/authorization/i);
  await admitWorker(server.config, server.secrets, 'worker-9');
  const nc = await worker('worker-9');
  expect(nc.info!.server_id).toBe(first.info!.server_id);
  await first.flush();
  expect(statSync(usersFile(server.config)).mode & 0o777).toBe(0o600);
  await expect(admitWorker(server.config, server.secrets, 'master')).rejects.toThrow(/choose another/);
  await expect(admitWorker(server.config, server.secrets, 'a.b')).rejects.toThrow(/worker id/);
});

const INSTALL = 'a'.repeat(32);
const agent = async (machine: string, install = INSTALL) => {
  await admitMachine(server.config, server.secrets, machine, install, false);
  return as({ servers: server.config.nats.servers, user: agentUser(machine), pass: agentPassword(server.secrets.psk, machine, install), inboxPrefix: `_INBOX_${agentUser(machine)}`, name: 'agent' });
};
const joiner = () => as({ servers: server.config.nats.servers, user: 'join', pass: joinPassword(server.secrets.psk), inboxPrefix: '_INBOX_join', name: 'join' });

it.each(['troupe.agent.box-1.start', 'troupe.mhb.box-1', 'troupe.ask.worker-1.register', 'troupe.hb.worker-1', 'troupe.in.account.a.PAUSE', 'troupe.cmd.worker.a.start', '$JS.API.INFO', '$KV.troupe-vault.a', '_INBOX_master.x'])('who only may join can\'t publish to %s', async (subject) => {
  const nc = await joiner();
  expect(await violation(nc, () => nc.publish(subject, '{}'))).toMatch(/permissions violation for publish/i);
});

it.each(['troupe.>', 'troupe.join.*', 'troupe.agent.*.start', '_INBOX.>', '_INBOX_agent-box-1.>', '>'])('who only may join can\'t subscribe to %s', async (subject) => {
  const nc = await joiner();
  expect(await violation(nc, () => void nc.subscribe(subject, { callback: () => undefined }))).toMatch(/permissions violation for subscription/i);
});

it('who only may join asks for any machine', async () => {
  const nc = await joiner();
  expect(await violation(nc, () => nc.publish('troupe.join.box-7', '{}'))).toBe('');
});

it.each(['troupe.mhb.box-2', 'troupe.agent.box-1.start', 'troupe.agent.box-2.start', 'troupe.join.box-1', 'troupe.hb.worker-1', 'troupe.ask.worker-1.register', 'troupe.fx.worker-1', 'troupe.in.account.a.PAUSE', 'troupe.cmd.worker.a.start', '$JS.API.INFO', '_INBOX_master.x'])('an agent can\'t publish to %s', async (subject) => {
  const nc = await agent('box-1');
  expect(await violation(nc, () => nc.publish(subject, '{}'))).toMatch(/permissions violation for publish/i);
});

it.each(['troupe.agent.box-2.*', 'troupe.agent.*.start', 'troupe.agent.>', 'troupe.>', 'troupe.fx.worker-1', '_INBOX.>', '_INBOX_agent-box-2.>', '_INBOX_join.>', '>'])('an agent can\'t subscribe to %s', async (subject) => {
  const nc = await agent('box-1');
  expect(await violation(nc, () => void nc.subscribe(subject, { callback: () => undefined }))).toMatch(/permissions violation for subscription/i);
});

it('an agent answers the master and reports; what it is told to start is not for the operator or the page', async () => {
  const op = await role('operator');
  const heard: string[] = [];
  op.subscribe('troupe.>', { callback: (_, m) => void heard.push(m.subject) });
  await op.flush();
  const nc = await agent('box-1');
  nc.subscribe('troupe.agent.box-1.*', { callback: (_, m) => void m.respond('{"ok":true}') });
  await nc.flush();
  const master = await role('master');
  expect((await master.request('troupe.agent.box-1.start', '{"env":{"TOKEN":"x"}}')).json()).toEqual({ ok: true });
  nc.publish('troupe.mhb.box-1', '{}');
  await nc.flush();
  await expect.poll(() => heard).toContain('troupe.mhb.box-1');
  expect(heard).toEqual(['troupe.mhb.box-1']);
  for (const r of ['operator', 'web'] as const) {
    const other = await role(r);
    expect(await violation(other, () => other.publish('troupe.agent.box-1.start', '{}')), r).toMatch(/permissions violation for publish/i);
  }
  const web = await role('web');
  expect(await violation(web, () => void web.subscribe('troupe.agent.>', { callback: () => undefined }))).toMatch(/permissions violation/i);
});

it('workers and agents never share a name', async () => {
  for (const id of ['agent-x', 'agent-box-1', 'join']) await expect(admitWorker(server.config, server.secrets, id), id).rejects.toThrow(/choose another/);
  // One that an earlier release let in keeps its name, and no machine gets it.
  const old = { ...server.config, dataDir: join(server.config.dataDir, 'earlier') };
  mkdirSync(old.dataDir);
  writeFileSync(join(old.dataDir, 'nats-workers.json'), '["agent-7"]');
  writeUsers(old, server.secrets, 'worker-1');
  expect(readFileSync(usersFile(old), 'utf8')).toContain('user: "agent-7"');
  await expect(admitMachine(old, server.secrets, '7', INSTALL, false)).rejects.toThrow(/the worker agent-7 has the name of its agent; choose another name with --machine/);
  expect(knownMachines(old)).toEqual({});
});

it('a machine that is set up anew makes the earlier one\'s login void', async () => {
  await agent('box-3');
  await expect(admitMachine(server.config, server.secrets, 'box-3', 'b'.repeat(32), false)).rejects.toThrow(/--replace/);
  await admitMachine(server.config, server.secrets, 'box-3', 'b'.repeat(32), true);
  await expect(as({ servers: server.config.nats.servers, user: 'agent-box-3', pass: agentPassword(server.secrets.psk, 'box-3', INSTALL), inboxPrefix: '_INBOX_agent-box-3', name: 'x' })).rejects.toThrow(/authorization/i);
  for (const bad of ['', 'A', 'a.b', '*', 'x'.repeat(64)]) await expect(admitMachine(server.config, server.secrets, bad, INSTALL, false), bad).rejects.toThrow(/machine/);
});

it('takes an old and a new pre-shared key beside each other, until the old one is dropped: nobody is cut off before', async () => {
  const { config } = server;
  const say = { out: [] as string[], err: [] as string[] };
  const verb = (...args: string[]) => secretsVerb(args, { env: {}, config: () => config, out: (l: string) => void say.out.push(l), err: (l: string) => void say.err.push(l) } as unknown as VerbContext);
  const log = (() => {}) as never;
  const old = readPsks(config).psk;
  await admitMachine(config, server.secrets, 'rack', INSTALL, false);
  const mark = installationOf(config, old);
  // One of this machine, whose key is in the folder; one that was handed its password; one with the new key.
  const near = await Link.open({ worker: 'worker-1', servers: config.nats.servers, login: () => workerLogin(config, 'worker-1'), log });
  const handed = await Link.open({ worker: 'worker-2', servers: config.nats.servers, user: 'worker-2', pass: workerPassword(old, 'worker-2'), log });
  const up = async (link: Link) => link.connected;
  expect(await verb('add-psk')).toBe(0);
  await expect(verb('add-psk')).rejects.toThrow(/drop-psk first/);
  const next = readPsks(config).nextPsk!;
  const taken = (user: string, pass: string) => tryServer({ servers: config.nats.servers, user, pass, inboxPrefix: '_INBOX_x', name: 'x' }, false).then((t) => t.is);
  await expect.poll(() => taken('join.next', joinPassword(next)), { timeout: 10_000 }).toBe('ready');
  expect(await Promise.all([taken('join', joinPassword(old)), taken('worker-2', workerPassword(old, 'worker-2')), taken('worker-2', workerPassword(next, 'worker-2'))])).toEqual(['ready', 'ready', 'refused']);
  const far = await Link.open({ worker: 'worker-9', servers: config.nats.servers, user: 'worker-9', pass: workerPassword(next, 'worker-9'), log });
  expect(await Promise.all([near, handed, far].map(up))).toEqual([true, true, true]);
  // A worker that is let in meanwhile, and a machine that joins by either key.
  await admitWorker(config, server.secrets, 'late');
  expect(await Promise.all([taken('late', workerPassword(old, 'late')), taken('late.next', workerPassword(next, 'late'))])).toEqual(['ready', 'ready']);
  await admitMachine(config, server.secrets, 'new-rack', INSTALL, false, pskName(next));
  expect(await taken('agent-new-rack', agentPassword(next, 'new-rack', INSTALL))).toBe('ready');

  expect(await verb('drop-psk')).toBe(1);
  expect(say.err.join('\n')).toContain('connected by the old key: worker-1, worker-2');
  expect(await verb('drop-psk', '--yes')).toBe(0);
  await expect.poll(() => taken('join', joinPassword(next)), { timeout: 10_000 }).toBe('ready');
  expect(await Promise.all([taken('join', joinPassword(old)), taken('late', workerPassword(old, 'late')), taken('join.next', joinPassword(next))])).toEqual(['refused', 'refused', 'refused']);
  await expect.poll(() => Promise.all([near, handed, far].map(up)), { timeout: 20_000 }).toEqual([true, false, true]);
  // Agents keep their login, and containers their mark.
  expect(await Promise.all([taken('agent-rack', agentPassword(old, 'rack', INSTALL)), taken('agent-new-rack', agentPassword(next, 'new-rack', INSTALL))])).toEqual(['ready', 'ready']);
  expect(installationOf(config, readPsks(config).psk)).toBe(mark);
  expect(readPsks(config)).toEqual({ psk: next, nextPsk: null });
  Object.assign(server.secrets, readPsks(config));
  await Promise.all([near, handed, far].map((l) => l.close()));
}, 90_000);

it('runs as asked: every write synced, loopback only, no password in its arguments', async () => {
  const info = await serverReady(natsLogin(server.config, 'master'), 5000);
  expect(info.apiLevel).toBeGreaterThanOrEqual(2);
  const varz = (await (await fetch(`http://127.0.0.1:${server.config.nats.monitorPort}/varz`)).json()) as { host: string; jetstream: { config: { sync_always?: boolean; max_storage: number } } };
  expect(varz.host).toBe('127.0.0.1');
  expect(varz.jetstream.config.sync_always).toBe(true);
  expect(varz.jetstream.config.max_storage).toBe(21474836480);
  const argv = readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8');
  for (const secret of [...Object.values(server.secrets.nats), server.secrets.psk]) expect(argv).not.toContain(secret);
});

it('names a stranger\'s server on our port', async () => {
  const login = { ...natsLogin(server.config, 'master'), pass: 'wrong-password' };
  await expect(serverReady(login, 10_000)).rejects.toThrow(/is not ours \(.*authorization/i);
});
