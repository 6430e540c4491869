import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import pino from 'pino';
import { kinds } from '../../actors/kinds.ts';
import type { Pending } from '../../actors/entry.ts';
import type { KeyContext } from '../../machines/key.ts';
import type { TaskInput } from '../../machines/task.ts';
import { openConnection } from '../../transport/connection.ts';
import { serve } from '../../transport/micro.ts';
import { Mux } from '../../transport/mux.ts';
import { checkServer, createStreams, partitionsOf } from '../../transport/streams.ts';
import type { Note } from '../../transport/protocol.ts';
import { PREFIX, STREAM, subjects, WHYS, type Address } from '../../transport/subjects.ts';
import type { Config } from '../config.ts';
import { crashPoint } from '../crash-point.ts';
import { Kvm } from '@nats-io/kv';
import { serveJoins } from '../agent/serve-joins.ts';
import { Drivers } from '../drivers/drivers.ts';
import { natsLogin } from '../nats-login.ts';
import { stageForOwn } from '../nats-server/staging.ts';
import { unfinishedActors } from '../read-model/queries/actors.ts';
import { CORDON } from '../read-model/queries/cordons.ts';
import { openForReading, type Db } from '../read-model/store.ts';
import { startProjector, type Projector } from '../read-model/projector.ts';
import { TASK_TEMPLATE_KEY } from '../tasks/task-template.ts';
import { platformLengths } from '../reply-length.ts';
import { freshRing, installationOf, loadSecrets, writeWhole } from '../secrets.ts';
import { FileOutbox, keepSinks } from '../alerts/file-outbox.ts';
import { listSinks } from '../read-model/queries/alerts.ts';
import { accountEffects } from './account-effects.ts';
import { Book } from './book.ts';
import { alertEffects } from './alert-effects.ts';
import { alertMetrics } from './alert-metrics.ts';
import { AlertWatch } from './alert-watch.ts';
import { BusWatch } from './bus-watch.ts';
import { Checkpoints, type CheckpointTimes } from './checkpoints.ts';
import { Commands } from './commands.ts';
import { openTools } from '../tools/registry.ts';
import { agentTool } from './agent-tool.ts';
import { commonVerbs } from './common-verbs.ts';
import { Depends } from './depends.ts';
import { setUpDemo } from './demo.ts';
import { Engine, freshId, type EngineOptions, type Unfinished } from './engine.ts';
import { erasureEffects } from './erasure-effects.ts';
import { FleetSettingsReader } from './fleet-settings.ts';
import { FleetWatch } from './fleet-watch.ts';
import { Gates } from './gates.ts';
import { keyEffects } from './key-effects.ts';
import { Liveness } from './liveness.ts';
import { hostKeys, MachineDesk } from './machine-desk.ts';
import { Metrics } from './metrics.ts';
import { NoticeDesk } from './notice-desk.ts';
import { Numbers } from './numbers.ts';
import { Placer } from './placer.ts';
import { proxyEffects } from './proxy-effects.ts';
import { proxyLender } from './proxy-lender.ts';
import { RuleDesk } from './rule-desk.ts';
import { allow } from './rules.ts';
import { scalerEffects } from './scaler-effects.ts';
import { scheduleEffects } from './schedule-effects.ts';
import { StorageWatch } from './storage-watch.ts';
import { LeaseSweep } from './sweep.ts';
import { TalkWatch } from './talk-watch.ts';
import { taskVerbs } from './task-verbs.ts';
import { UserSweep } from './user-sweep.ts';
import { ownerOf, Vault } from './vault.ts';
import { Watchdog } from './watchdog.ts';
import { WorkerDesk, type Ask } from './worker-desk.ts';
import { workerEffects } from './worker-effects.ts';

/** `engine` is null in SAFE MODE. */
export type Master = { engine: Engine | null; stop(graceMs?: number): Promise<void> };

const VERSION = '0.1.0';

/** What only tests replace. */
export type MasterParts = { wrap?: EngineOptions['wrap']; bindings?: EngineOptions['bindings']; effects?: EngineOptions['effects']; checkpoints?: CheckpointTimes };

/** Starts a master: guard, view to the tip, partitions, workers. In SAFE MODE it answers reads and refuses the rest. */
export async function startMaster(config: Config, parts: MasterParts = {}): Promise<Master> {
  // Else the heap keeps the room of a burst for ever: V8 lets it grow fourfold between collections.
  setFlagsFromString('--heap-growing-percent=50');
  // Else V8 puts what only turns need among what stays, for larger collections to find: it once saw some of it live long.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const log = pino({ level: config.logLevel, base: { part: 'master' } });
  const secrets = loadSecrets(config);
  const login = natsLogin(config, 'master');
  const nc = await openConnection(login);
  await checkServer(nc);
  const mux = new Mux(nc, login.user);
  const missing = await setUpStreams(config, nc);
  const partitions = (await partitionsOf(nc)) ?? config.partitions;
  const unstage = stageForOwn(config);
  const projector = await startProjector({ servers: login.servers, user: login.user, pass: login.pass, file: config.dbPath });
  const db = openForReading(config.dbPath);
  const vault = missing.length === 0 ? await Vault.open(nc, freshRing(config)) : null;
  const bindings = parts.bindings ?? kinds;
  const unsafe = () => (missing.length > 0 ? `${missing.join(', ')} missing` : projector.health().safe && `${projector.health().safe!.stream}: ${projector.health().safe!.why}`);

  let desk!: WorkerDesk;
  const liveness = new Liveness({ suspectAfter: config.timing.suspect, offlineAfter: config.timing.offline }, ({ worker, is, incarnation }) => {
    if (engine.host.owns(`worker/${worker}`)) engine.host.put(`worker/${worker}`, { is: 'event', event: { type: is }, cause: { id: `${is}:${incarnation}:${Date.now()}` } }, () => {});
  });
  const open = async (reference: string): Promise<string | null> => (await vault?.open(reference)) ?? null;
  const drivers = new Drivers({ config, installation: installationOf(config, secrets.psk), nc, hostKeys: hostKeys(() => engine, db), open, key: (id) => keyOf(engine, open, id) });
  const settings = new FleetSettingsReader(new Kvm(nc));
  const storage = new StorageWatch((report) => void (nc.isClosed() || nc.publish(subjects.stuck(engine.id), JSON.stringify(report))));
  const gates = new Gates(db);
  const book: Book = new Book((actor) => engine.host.owns(actor), () => placer.wake());
  const placer: Placer = new Placer({
    db, liveness, book, gates,
    owns: (actor) => engine.host.owns(actor),
    strategy: () => settings.now.taskStrategy,
    tell: (whys) => void mux.publish(subjects.tasklog(WHYS, engine.id), JSON.stringify({ whys })).catch((error: Error) => log.warn(`why tasks wait is not stored: ${error.message}`)),
  });
  const depends = new Depends(db);
  const unheard = projector.changes.subscribe((topics) => {
    if (!db.open) return;
    if (topics.includes('gate')) gates.refresh();
    placer.changed(topics);
    depends.changed(topics);
  });
  const engine: Engine = new Engine({
    mux,
    user: login.user,
    partitions,
    bindings,
    liveness,
    effects: {
      ...workerEffects({ config, secrets, drivers, mux, liveness, open }),
      ...accountEffects(db, () => engine, liveness, () => vault, () => settings.now.strategy, gates),
      ...proxyEffects({ db, liveness, vault: () => vault, url: config.proxyCheckUrl, command: (to, verb, payload, id) => commands.run({ to, verb, payload, id, by: 'proxy' }) }),
      ...keyEffects(() => vault),
      ...alertEffects({ db, engine: () => engine, vault: () => vault }),
      ...erasureEffects({ db, mux, engine: () => engine, vault: () => vault }),
      ...scalerEffects({ db, engine: () => engine, command: (to, verb, payload, id) => commands.run({ to, verb, payload, id, by: 'scaler' }), template: (name) => settings.template(name) }),
      ...scheduleEffects({ engine: () => engine, command: (to, verb, payload, id, by) => commands.run({ to, verb, payload, id, by }), template: (name) => settings.value(TASK_TEMPLATE_KEY + name) }),
      place: placer,
      depend: depends,
      ...parts.effects,
    },
    ledger: book,
    lend: proxyLender(db),
    held: (src, input) => (src === 'crawl' ? gates.holds({ account: String(input['account']), platform: String(input['platform']), group: groupOf(db, String(input['account'])) }) : null),
    unfinished: (p) => unfinished(mux, projector, db, p),
    log: (level, message, details) => log[level](details ?? {}, message),
    crash: crashPoint,
    wrap: { ...parts.wrap, journal: (plain) => storage.watch(parts.wrap?.journal?.(plain) ?? plain) },
    serve: (partition) => {
      const sub = nc.subscribe(subjects.own(partition), {
        callback: (error, msg) => {
          if (error) return;
          const { ask } = msg.json<{ ask?: Ask }>();
          if (ask) void desk.here(ask).then((answer) => msg.respond(JSON.stringify(answer)));
          else void commands.handleOwn(msg);
        },
      });
      return () => void (nc.isClosed() || sub.unsubscribe());
    },
  });
  const numbers = new Numbers(new Kvm(nc));
  const lengths = platformLengths();
  const commands = new Commands({
    mux,
    engine,
    bindings,
    extra: { task: taskVerbs({ engine: () => engine, mux, command: (request) => commands.run(request) }) },
    anywhere: { agent: { tool: agentTool(mux, db, openTools(config.toolsDir), engine.id) } },
    common: commonVerbs(mux, engine, bindings, db, async ({ config: c, handle, lastHandle }, tail) => (await (await drivers.of(c)).logs(handle ?? lastHandle, { tail })).lines),
    seal: async (to, field, value, id) => sealSecret(vault, to, field, value, id),
    begin: (actor, input) => {
      // Known already: it is asked for again, and begins only once.
      const place = actor.startsWith('task/') && !engine.host.knows(actor) ? placer.atOnce(actor, input as TaskInput) : null;
      return place && { input: { place }, undo: () => book.cancel(actor) };
    },
    allow: (request) => allow(db, engine, request, () => numbers.take(), lengths),
    closed: () => {
      const why = unsafe();
      return why ? { ok: false, code: 'safe_mode', message: `SAFE MODE: ${why}. Nothing is written; see \`troupe journal check\`` } : storage.refusal();
    },
  });
  const service = serve(nc, { name: 'troupe', version: VERSION, description: 'Commands of durable actors: troupe.cmd.<kind>.<id>.<verb>', metadata: { master: engine.id } }, [
    { name: 'command', subject: `${PREFIX}.cmd.*.*.*`, queue: 'troupe', handle: (msg) => void commands.handle(msg) },
  ]);
  const why = unsafe();
  if (why || !vault) {
    log.error({ why }, 'SAFE MODE: the streams do not continue what this machine has seen; nothing is written');
    settings.stop();
    unheard();
    placer.stop();
    depends.stop();
    unstage();
    return { engine: null, stop: () => end([service, mux], [() => projector.stop(), () => nc.close()], db) };
  }
  seedLiveness(db, liveness);
  const metrics = new Metrics(mux, engine.id);
  desk = new WorkerDesk({ heard: (beat) => metrics.take(beat), reported: (beat) => placer.heard(beat.worker, beat.running ?? []), ended: (token, worker) => book.ended(token, worker), mux, engine, db, position: (stream) => projector.position(stream), liveness, vault, bindings, log: (level, message) => log[level](message) });
  desk.start();
  engine.start();
  const sweep = new LeaseSweep(db, engine, liveness);
  const fleet = new FleetWatch(db, engine, liveness);
  const machines = new MachineDesk(nc, engine, db, config.timing);
  const users = new UserSweep(config, secrets, db, (message) => log.info(message));
  const watchdog = new Watchdog({
    part: 'master',
    stalled: (stillMs) => {
      liveness.fresh();
      machines.fresh();
      notice(mux, engine.id, { key: `stall-${engine.id}-${Date.now()}`, title: `master ${engine.id}`, content: `its event loop stood still for ${(stillMs / 1000).toFixed(1)} s: every worker has a fresh window to be heard`, priority: 'high' });
    },
  });
  const outbox = new FileOutbox({ config, who: 'master', ring: freshRing(config), log: (level, message) => log[level](message) });
  const bus = new BusWatch(nc, outbox, config.timing.suspect);
  const alerts = new AlertWatch({ db, engine, everyMs: config.alertEveryMs, log: (level, message) => log[level](message), keep: () => keepForLater(config, db, vault), read: alertMetrics({ db, liveness, dataDir: config.dataDir, now: () => Date.now(), storageRefused: () => storage.refusal() !== null, machines: () => machines.disksNow() }) });
  const talks = new TalkWatch({ mux, engine, rules: new RuleDesk({ db, engine, length: lengths, value: (key) => settings.value(key) }), log: (level, message) => log[level](message) });
  talks.start();
  const notices = new NoticeDesk({ db, engine, log: (level, message) => log[level](message) });
  const unnoticed = projector.changes.subscribe((topics) => notices.changed(topics));
  const joins = serveJoins({ nc, config, secrets, log: (level, message) => log[level](message), joined: () => {} });
  const checkpoints = new Checkpoints(db, engine, (message) => log.warn(message), parts.checkpoints);
  const reconcile = setInterval(() => void engine.reconcile().catch((error: Error) => log.warn(error.message)), 30_000);
  await setUpDemo(config, db, commands);
  await caughtUp(mux, projector);
  await boot(db, engine);
  log.info({ id: engine.id, partitions }, 'master is up');
  return {
    engine,
    async stop() {
      unstage();
      await watchdog.stop();
      await talks.stop();
      unnoticed();
      notices.stop();
      sweep.stop();
      users.stop();
      alerts.stop();
      bus.stop();
      outbox.stop();
      fleet.stop();
      machines.stop();
      joins.stop();
      metrics.stop();
      settings.stop();
      unheard();
      placer.stop();
      depends.stop();
      checkpoints.stop();
      clearInterval(reconcile);
      await engine.stop();
      await drivers.close();
      liveness.stop();
      await end([service, mux], [() => projector.stop(), () => nc.close()], db);
    },
  };
}

/** The group of an account, for the gates. */
const groupOf = (db: Db, account: string): string => (db.prepare('SELECT group_name FROM accounts WHERE id = ?').pluck().get(account) as string | null | undefined) ?? 'default';

/** A data directory sets the streams up once; later a missing one is a loss and never made again by itself. */
async function setUpStreams(config: Config, nc: Parameters<typeof createStreams>[0]): Promise<string[]> {
  const mark = join(config.dataDir, 'streams.json');
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const before = existsSync(mark) ? (JSON.parse(readFileSync(mark, 'utf8')) as { made: string[] }) : null;
  const { made, missing } = await createStreams(nc, config.partitions, before && new Set(before.made), config.nats.replicas);
  const kept = new Set([...(before?.made ?? []), ...made]);
  if (kept.size !== before?.made.length) writeWhole(mark, `${JSON.stringify({ made: [...kept], at: new Date().toISOString() })}\n`);
  return missing;
}

/** Waits until the view holds the journal as it ends now. */
async function caughtUp(mux: Mux, projector: Projector): Promise<void> {
  const info = await mux.json<{ state: { last_seq: number } }>(`$JS.API.STREAM.INFO.${STREAM.journal}`, {});
  const until = performance.now() + 60_000;
  while (projector.position(STREAM.journal) < info.state.last_seq) {
    if (performance.now() > until) throw new Error('the view does not catch up with the journal');
    await new Promise((r) => setTimeout(r, 5));
  }
}

/** What a partition's actors were left with, once the view has caught up with the journal as it ends now. */
async function unfinished(mux: Mux, projector: Projector, db: Db, partition: number): Promise<Unfinished[]> {
  await caughtUp(mux, projector);
  return unfinishedActors(db, partition).map((r) => ({ actor: `${r.kind}/${r.id}`, pending: (JSON.parse(r.entry) as { pending: Pending }).pending, parked: r.parked }));
}

/** The reference that an event carries instead of a secret: `<owner>.<field>` in the vault. */
async function sealSecret(vault: Vault | null, to: Address, field: string, value: string, id: string): Promise<string> {
  if (!vault) throw new Error('the vault is closed');
  const name = field === 'answer' ? `answer-${freshId(id)}` : field;
  const owner = ownerOf(to);
  await vault.put(owner, name, value);
  return `${owner}.${name}`;
}

/** A key of the key store, opened. */
async function keyOf(engine: Engine, open: (reference: string) => Promise<string | null>, id: string): Promise<{ privateKey: string; passphrase: string | null } | null> {
  const head = await engine.host.head(`key/${id}`);
  if (!head || (head.entry.after as { status: string }).status !== 'active') return null;
  const { secret, passphrase } = (head.entry.after as { context: KeyContext }).context;
  const privateKey = await open(secret);
  return privateKey ? { privateKey, passphrase: passphrase && (await open(passphrase)) } : null;
}

function seedLiveness(db: Db, liveness: Liveness): void {
  const rows = db.prepare("SELECT id, incarnation FROM workers WHERE status IN ('connected', 'suspect') AND incarnation IS NOT NULL").all() as { id: string; incarnation: string }[];
  for (const r of rows) liveness.expect(r.id, r.incarnation);
}

/** Auto-start: a worker that should run and doesn't is started when a master comes up. */
async function boot(db: Db, engine: Engine): Promise<void> {
  const rows = db.prepare(`SELECT c.worker_id AS id FROM worker_configs c JOIN worker_runtime r USING (worker_id) WHERE c.auto_start = 1 AND c.enabled = 1 AND r.status = 'stopped' AND ${CORDON} IS NULL`).all() as { id: string }[];
  for (const r of rows) await engine.send({ kind: 'worker', id: r.id }, { type: 'BOOT' }, `boot:${engine.id}:${r.id}`, 'boot');
}

/** What a master tells people of itself; when it can't be stored, the log has it. */
function notice(mux: Mux, master: string, about: Omit<Extract<Note, { is: 'notice' }>, 'is' | 'at'>): void {
  void mux.publish(subjects.note('notice', master), JSON.stringify({ is: 'notice', at: Date.now(), ...about } satisfies Note), { 'Nats-Msg-Id': about.key }).catch(() => {});
}

/** The sinks in a file, as sealed as they are in the bucket: for when NATS can't be asked. */
async function keepForLater(config: Config, db: Db, vault: Vault): Promise<void> {
  const sealed = async (reference: string | null) => (reference === null ? null : vault.sealed(reference));
  keepSinks(config, await Promise.all(listSinks(db).map(async ({ id, config: c }) => ({ id, config: { ...c, secret: null, password: null }, sealed: { secret: await sealed(c.secret), password: await sealed(c.password) } }))));
}

async function end(first: { stop?(): void; close?(): void }[], then: (() => Promise<void>)[], db: Db): Promise<void> {
  for (const f of first) (f.stop ?? f.close)?.call(f);
  for (const t of then) await t();
  db.close();
}
