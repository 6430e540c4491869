import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../runtime/package-root.ts';
import { measureAgents } from './agents.ts';
import { openBullmq } from './bullmq.ts';
import { measureFleet } from './fleet.ts';
import { openPages } from './pages.ts';
import { median, quantiles, type Quantiles } from './quantiles.ts';
import { openRestate } from './restate.ts';
import { measureRestarts } from './restarts.ts';
import { openRoad } from './road.ts';
import { openTasks } from './tasks.ts';
import { openTroupe } from './troupe.ts';

type Row = { figure: string; troupe: string; other: string; ratio: string; aim: string };

const EVENTS = 60_000;
const ACTORS = 1_000;
const ROUNDS = 3;
const KNOWN = 10_000;
const BURST = 20_000;

const rows: Row[] = [];
const say = (row: Row) => {
  rows.push(row);
  process.stderr.write(`${row.figure}: ${row.troupe}  against ${row.other}\n`);
};
const per = (n: number) => `${Math.round(n).toLocaleString('en')}/s`;
const ms = (n: number) => `${n < 10 ? n.toFixed(2) : n.toFixed(0)} ms`;
const times = (n: number) => `${n.toFixed(2)}x`;

/** Turns a second against jobs a second, taken in turn so that the machine's clock hits both alike. */
async function throughput(sync: 'always' | '2m'): Promise<void> {
  const own: number[] = [];
  const theirs: number[] = [];
  let perTurn = 0;
  let bytes = 0;
  const bull = await openBullmq(sync === 'always' ? 'always' : 'everysec');
  for (let round = 0; round < ROUNDS; round++) {
    const troupe = await openTroupe(sync);
    await troupe.start();
    await troupe.kill();
    await troupe.fill(EVENTS, ACTORS);
    const from = await troupe.journal();
    const drained = troupe.drained(from, EVENTS);
    await troupe.start();
    own.push(await drained);
    const counts = await troupe.counts();
    perTurn = (counts.batches * 4) / counts.turns;
    const state = await troupe.journalBytes();
    bytes = state.bytes / state.messages;
    await troupe.close();
    if (bull) theirs.push(await bull.drain(EVENTS / 2, 100));
  }
  await bull?.close();
  const other = bull ? median(theirs) : Number.NaN;
  const name = sync === 'always' ? 'journal synced on every write' : 'the server\'s default sync';
  say({ figure: `durable turns, ${ACTORS} actors, ${name}`, troupe: per(median(own)), other: bull ? `BullMQ, AOF ${sync === 'always' ? 'always' : 'everysec'}, 100 at once: ${per(other)} jobs` : 'no redis-server here', ratio: bull ? times(median(own) / other) : '', aim: sync === 'always' ? '1x, then 2x' : '15,000/s' });
  if (sync === 'always') {
    say({ figure: 'flushes a turn at saturation (4 a batch, by count of batches)', troupe: perTurn.toFixed(3), other: '1 a message alone', ratio: times(1 / perTurn), aim: 'under 0.2' });
    say({ figure: 'disk a turn, small chart', troupe: `${Math.round(bytes)} B`, other: '', ratio: '', aim: 'under 1 KB' });
  }
}

async function latency(): Promise<void> {
  const troupe = await openTroupe('always');
  await troupe.start();
  await troupe.answer(Array(300).fill(1));
  const own = await troupe.answer(Array(1500).fill(1));
  await troupe.close();
  const bull = await openBullmq('always');
  const other = bull && (await bull.answer(1500));
  await bull?.close();
  for (const [q, aim] of [['p50', 'under 2 ms'], ['p99', 'under 10 ms']] as const) {
    say({ figure: `command to stored answer, idle, ${q}`, troupe: ms(own[q]), other: other ? `BullMQ, add to finished: ${ms(other[q])}` : 'no redis-server here', ratio: other ? times(other[q] / own[q]) : '', aim });
  }
}

/** Many known actors, then a new master: how soon it answers, and how fast an actor is that it has never seen. */
async function cold(): Promise<void> {
  const troupe = await openTroupe('2m');
  await troupe.start();
  const from = await troupe.journal();
  await troupe.fill(KNOWN * 3, KNOWN);
  await troupe.drained(from, KNOWN * 3);
  const warm = await troupe.counts();
  await troupe.kill();
  const ready = await troupe.start();
  const before = await troupe.counts();
  const first = await troupe.answer(Array.from({ length: 500 }, (_, i) => 1 + ((i * 7919) % (KNOWN - 1))));
  await troupe.close();
  say({ figure: `master killed, ready again (3 s of it are the dead one's lease), ${KNOWN.toLocaleString('en')} actors, ${(KNOWN * 4).toLocaleString('en')} turns`, troupe: ms(ready), other: '', ratio: '', aim: 'under 5,000 ms' });
  say({ figure: `first turn of a cold actor, ${KNOWN.toLocaleString('en')} known, p99`, troupe: ms(first.p99), other: '', ratio: '', aim: 'under 10 ms' });
  say({ figure: 'heap of a master that knows them all and has used none', troupe: `${Math.round(before.heap / 1e6)} MB`, other: `with all of them hot: ${Math.round(warm.heap / 1e6)} MB`, ratio: '', aim: '0 an idle actor' });
}

/** The peer in kind: a durable turn a call, as a closed loop on both sides. */
async function restate(): Promise<void> {
  const other = await openRestate();
  const troupe = await openTroupe('always');
  await troupe.start();
  await troupe.requests(64, ACTORS, 2);
  await other?.turns(64, ACTORS, 2);
  for (const callers of [64, 256]) {
    const own: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      own.push(await troupe.requests(callers, ACTORS, 4));
      if (other) theirs.push(await other.turns(callers, ACTORS, 4));
    }
    say({ figure: `durable turns by request, ${callers} callers, ${ACTORS} actors, synced`, troupe: per(median(own)), other: other ? `Restate, its defaults: ${per(median(theirs))}` : 'Restate is not installed, see bench/README.md', ratio: other ? times(median(own) / median(theirs)) : '', aim: '10x' });
  }
  await troupe.close();
  other?.close();
}

async function heartbeats(): Promise<void> {
  const troupe = await openTroupe('always');
  await troupe.start();
  const { share, loopP99, known } = await troupe.beats(200, 1_000, 10);
  await troupe.close();
  if (known < 200 * 8) throw new Error(`only ${known} heartbeats were confirmed: the figure would mean nothing`);
  say({ figure: '200 heartbeats a second (1,000 workers every 5 s), the master\'s share of a core', troupe: `${(share * 100).toFixed(1)} %`, other: '', ratio: '', aim: 'under 15 %' });
  say({ figure: 'its event loop meanwhile, p99', troupe: ms(loopP99), other: '', ratio: '', aim: 'under 20 ms' });
}

async function fleet(): Promise<void> {
  const f = await measureFleet(Number(process.env['FLEET_MINUTES'] || 2));
  const over = `1,000 workers, 500 accounts, ${f.minutes} min`;
  if (f.confirmed < f.expected * 0.98) throw new Error(`only ${f.confirmed} of ${f.expected} heartbeats were confirmed: the figures would mean nothing`);
  if (f.offline > 0) throw new Error(`${f.offline} workers were called offline while all of them reported`);
  say({ figure: `workers called offline that were not, ${over}`, troupe: `${f.offline} (suspected: ${f.suspected})`, other: `${f.confirmed.toLocaleString('en')} of ${f.expected.toLocaleString('en')} heartbeats confirmed`, ratio: '', aim: '0' });
  say({ figure: 'the master\'s event loop meanwhile, p99', troupe: ms(f.loopP99), other: `${(f.share * 100).toFixed(1)} % of a core`, ratio: '', aim: 'under 50 ms' });
  say({ figure: 'the master\'s memory at the end', troupe: `${Math.round(f.rss / 1e6)} MB`, other: '', ratio: '', aim: '' });
  for (const p of f.pages) say({ figure: `GET ${p.path}, 1,000 workers, p95`, troupe: ms(p.p95), other: `${Math.round(p.kilobytes)} KB`, ratio: '', aim: 'under 100 ms' });
  say({ figure: 'a worker falls silent, until all its accounts are elsewhere', troupe: `${(f.elsewhereMs / 1000).toFixed(1)} s`, other: '', ratio: '', aim: 'under 35 s' });
}

/** Tasks from the command to the worker's handler, and in a burst; BullMQ's jobs in the same minutes. */
async function tasks(): Promise<void> {
  const t = await openTasks();
  const road = await openRoad();
  await t.startWorker();
  await t.latency(50, 4);
  for (const [rate, seconds] of [[50, 10], [500, 6], [1_000, 6]] as const) {
    const own: Quantiles[] = [];
    const theirs: Quantiles[] = [];
    const bare: Quantiles[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      own.push(await t.latency(rate, seconds));
      bare.push(await road.latency(rate, seconds));
      if (t.bull) theirs.push(await t.bullLatency(rate, seconds));
    }
    for (const [q, aim] of [['p50', 'under 5 ms, and BullMQ\'s'], ['p99', 'under 100 ms, and BullMQ\'s']] as const) {
      const [mine, other] = [median(own.map((o) => o[q])), median(theirs.map((o) => o[q]))];
      const floor = median(bare.map((o) => o[q]));
      say({ figure: `task created to its handler on a worker, ${rate.toLocaleString('en')}/s, ${q}`, troupe: ms(mine), other: t.bull ? `BullMQ, add to handler: ${ms(other)}` : 'no redis-server here', ratio: t.bull ? times(other / mine) : '', aim });
      say({ figure: 'its road over bare NATS: a request, one message stored and synced, handed on', troupe: '', other: ms(floor), ratio: times(floor / mine), aim: '' });
    }
  }
  await road.close();
  const other = t.bull ? await t.bullBurst(BURST) : null;
  const b = await t.burst(BURST);
  const again = t.bull ? await t.bullBurst(BURST) : null;
  await t.close();
  if (b.lost !== 0 || b.twice !== 0) throw new Error(`${b.lost} tasks were lost and ${b.twice} ran twice: the figures would mean nothing`);
  const theirs = (pick: (o: { accepted: number; drained: number }) => number) => (other && again ? (pick(other) + pick(again)) / 2 : Number.NaN);
  const n = BURST.toLocaleString('en');
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  for (const [what, key] of [[`burst of ${n} tasks, accepted (stored and synced), 200 callers`, 'accepted'], [`the same, drained by one worker process, 100 at once, no-op`, 'drained']] as const) {
    say({ figure: what, troupe: per(b[key]), other: other ? `BullMQ, AOF always: ${per(theirs((o) => o[key]))}` : 'no redis-server here', ratio: other ? times(b[key] / theirs((o) => o[key])) : '', aim: 'BullMQ\'s' });
  }
  say({ figure: 'tasks lost, and run twice', troupe: `${b.lost}, ${b.twice}`, other: '', ratio: '', aim: '0' });
  say({ figure: 'the master\'s memory: before, all accepted, highest, drained', troupe: [b.rss.begin, b.rss.accepted, b.rss.peak, b.rss.end].map(mb).join(', '), other: `its heap after a collection: ${mb(b.heap.begin)}, then ${mb(b.heap.end)}`, ratio: '', aim: 'flat' });
}

async function restarts(): Promise<void> {
  const { driver, bare } = await measureRestarts(30);
  say({ figure: 'local worker killed with -9 to its process running and loaded again, no backoff', troupe: ms(driver), other: `bare spawn: ${ms(bare)}`, ratio: times(bare / driver), aim: 'above 0.83x (1.2 times the spawn)' });
}

async function pages(): Promise<void> {
  const troupe = await openTroupe('always');
  await troupe.start();
  const web = await openPages(troupe.stage, 10_000, 100_000, 200_000);
  const { slowest, p95, largest, bytes } = await web.ask(60);
  say({ figure: `the slowest page at 10,000 accounts, 100,000 comments and 200,000 tasks (${slowest}), p95`, troupe: ms(p95), other: '', ratio: '', aim: 'under 50 ms' });
  say({ figure: `the largest page (${largest})`, troupe: `${Math.round(bytes / 1000)} KB`, other: '', ratio: '', aim: 'under 100 KB' });
  const live = await web.listen(10);
  const took: number[] = [];
  for (let i = 0; i < 40; i++) {
    // A page is told at most twice a second.
    await new Promise((r) => setTimeout(r, 600));
    const heard = live.next(`account/live-${i}`);
    await troupe.create(`live-${i}`);
    const stored = performance.now();
    took.push(Math.max(0, (await heard) - stored));
  }
  live.close();
  web.close();
  await troupe.close();
  say({ figure: 'journal to page over SSE, the last of 10 open pages, p95', troupe: ms(quantiles(took).p95), other: '', ratio: '', aim: 'under 150 ms' });
}

async function agents(): Promise<void> {
  const f = await measureAgents(12, 10, Number(process.env['AGENT_ROUNDS'] || 3));
  if (f.completed < f.tasks) throw new Error(`only ${f.completed} of ${f.tasks} tasks of agents completed with all that they were to read`);
  say({ figure: `agents live at once, ${f.workers} workers with one Chromium each; all that finished their tasks`, troupe: `${f.agentsThatWorked} of ${f.agents}`, other: `${f.restarts} had to be opened again`, ratio: '', aim: '120 of 120' });
  say({ figure: 'from asking for the first until all of them stand on their page', troupe: `${(f.openMs / 1000).toFixed(1)} s`, other: '', ratio: '', aim: '' });
  say({ figure: 'page tasks completed, four steps each', troupe: `${f.completed} of ${f.tasks}`, other: `${Math.round(f.perMinute)} a minute; made to completed p50 ${(f.p50 / 1000).toFixed(1)} s, p99 ${(f.p99 / 1000).toFixed(1)} s, all made at once`, ratio: '', aim: 'all' });
  say({ figure: 'memory a window, its share of Node and Chromium in it (PSS)', troupe: `${Math.round(f.memoryPerWindow / 1e6)} MB`, other: `${(f.memory / 1e9).toFixed(1)} GB in all`, ratio: '', aim: 'about 65 MB' });
}

const PARTS: Record<string, () => Promise<void>> = {
  throughput: async () => {
    await throughput('always');
    await throughput('2m');
  },
  latency, tasks, agents, cold, restate, heartbeats, restarts, pages, fleet,
};
const [loadBefore] = loadavg() as [number];
const asked = process.argv.slice(2);
const unknown = asked.find((a) => !(a in PARTS));
if (unknown !== undefined) {
  process.stderr.write(`${unknown} is none of ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(2);
}
for (const part of asked.length > 0 ? asked : Object.keys(PARTS)) await PARTS[part]!();

const head = `Troupe bench, ${new Date().toISOString().slice(0, 10)}\n${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load before the run ${loadBefore.toFixed(1)}. Medians of ${ROUNDS} interleaved rounds; ratios count, whole figures move with the machine.\n`;
const table = [['figure', 'Troupe', 'what else', 'ratio', 'aim'], ...rows.map((r) => [r.figure, r.troupe, r.other, r.ratio, r.aim])];
const text = `${head}\n${table.map((cells, i) => `| ${cells.join(' | ')} |${i === 0 ? `\n|${cells.map(() => '---').join('|')}|` : ''}`).join('\n')}\n`;
if (asked.length === 0) {
  const dir = join(packageRoot(), 'bench', 'results');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'latest.md'), text);
}
process.stdout.write(`\n${text}`);
process.exit(0);
