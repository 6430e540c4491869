import { jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { nanos, type NatsConnection } from '@nats-io/nats-core';
import { Objm } from '@nats-io/obj';
import { BUCKET, OBJECTS, PREFIX, STREAM } from './subjects.ts';

const DAY = 24 * 3600 * 1000;
export const JOURNAL_AGE_MS = 90 * DAY;

/** The server is older than the floor, or a stream is not as it must be. */
export class ServerUnfit extends Error {
  readonly exitCode = 78;
  constructor(why: string) {
    super(why);
    this.name = 'ServerUnfit';
  }
}

type Wanted = Partial<StreamConfig> & { name: string; subjects: string[] };

/** Every stream as first-time set-up makes it. The journal is never purged, cut inside, compressed or rolled up. */
export function streamConfigs(partitions: number, replicas = 1): Wanted[] {
  const file = { storage: 'file', retention: 'limits', num_replicas: replicas } as const;
  return [
    { ...file, name: STREAM.journal, subjects: [`${PREFIX}.journal.*.*`], max_age: nanos(JOURNAL_AGE_MS), deny_delete: true, deny_purge: true, allow_direct: true, allow_atomic: true, discard: 'new' },
    {
      ...file,
      name: STREAM.inbox,
      subjects: [`${PREFIX}.in.>`],
      max_age: nanos(7 * DAY),
      duplicate_window: nanos(120_000),
      allow_direct: true,
      subject_transform: { src: `${PREFIX}.in.*.*.>`, dest: `${PREFIX}.in.{{partition(${partitions},1,2)}}.{{wildcard(1)}}.{{wildcard(2)}}.>` },
    },
    { ...file, name: STREAM.parked, subjects: [`${PREFIX}.parked.*.*`], max_age: nanos(90 * DAY), allow_direct: true },
    { ...file, name: STREAM.data, subjects: [`${PREFIX}.data.*.*`], max_age: nanos(365 * DAY), duplicate_window: nanos(120_000), allow_direct: true, deny_delete: true },
    { ...file, name: STREAM.metrics, subjects: [`${PREFIX}.metrics.*.*`], max_age: nanos(31 * DAY), allow_direct: true, allow_msg_ttl: true, discard: 'old' },
    { ...file, name: STREAM.notes, subjects: [`${PREFIX}.note.*.*`], max_age: nanos(365 * DAY), max_bytes: 256 * 1024 * 1024, duplicate_window: nanos(120_000), allow_direct: true, discard: 'old' },
    { ...file, name: STREAM.log, subjects: [`${PREFIX}.log.*.*`], max_age: nanos(14 * DAY), max_bytes: 512 * 1024 * 1024, allow_direct: true, discard: 'old' },
    { ...file, name: STREAM.tasklog, subjects: [`${PREFIX}.tasklog.*.*`], max_age: nanos(7 * DAY), max_bytes: 256 * 1024 * 1024, allow_direct: true, discard: 'old' },
    { name: STREAM.lease, subjects: [`${PREFIX}.lease.*`], storage: 'memory', retention: 'limits', num_replicas: replicas, max_msgs_per_subject: 1, max_age: nanos(3_000), allow_direct: true, discard: 'old' },
  ] as Wanted[];
}

/** What a build after the first brought. */
const LATER: ReadonlySet<string> = new Set([STREAM.metrics, STREAM.notes, STREAM.tasklog, `OBJ_${OBJECTS.results}`, `KV_${BUCKET.desk}`]);

/** Buckets with the time that their values live, in milliseconds; 0 for ever. */
const BUCKETS: Record<string, { ttl: number }> = {
  [BUCKET.settings]: { ttl: 0 },
  [BUCKET.users]: { ttl: 0 },
  [BUCKET.sessions]: { ttl: DAY / 2 },
  [BUCKET.tokens]: { ttl: 0 },
  [BUCKET.vault]: { ttl: 0 },
  [BUCKET.pictures]: { ttl: 600_000 },
  [BUCKET.desk]: { ttl: 90 * DAY },
};

/** Object stores: how long an object lives in milliseconds, and how much there may be. */
const STORES: Record<string, { ttl: number; bytes: number }> = { [OBJECTS.results]: { ttl: 7 * DAY, bytes: 2 * 1024 * 1024 * 1024 } };

/** 2.12 speaks API level 2: atomic batches and message TTL. Older servers accept such settings and ignore them. */
export async function checkServer(nc: NatsConnection): Promise<{ version: string; level: number }> {
  const version = nc.info?.version ?? '0';
  const jsm = await jetstreamManager(nc);
  const info = (await jsm.getAccountInfo()) as unknown as { api?: { level?: number } };
  const level = info.api?.level ?? 0;
  if (level < 2) throw new ServerUnfit(`nats-server ${version} is too old: Troupe needs 2.12 or newer (API level 2, this one has ${level})`);
  return { version, level };
}

/** Which of the streams exist. */
export async function presentStreams(jsm: JetStreamManager): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const name of jsm.streams.names()) names.add(name);
  return names;
}

/**
 * First-time set-up. A stream that is missing later is never made again by itself: that would hide a loss.
 * `known` names what this data directory has seen made, null before its first set-up: a stream that a newer build brings is made then.
 * The lease stream lives in memory and may always be made. `replicas`: in a cluster of servers, how many keep each stream.
 */
export async function createStreams(nc: NatsConnection, partitions: number, known: ReadonlySet<string> | null, replicas = 1): Promise<{ made: string[]; missing: string[] }> {
  const first = (name: string) => known === null || (LATER.has(name) && !known.has(name));
  const jsm = await jetstreamManager(nc);
  const present = await presentStreams(jsm);
  const made: string[] = [];
  const missing: string[] = [];
  for (const wanted of streamConfigs(partitions, replicas)) {
    if (present.has(wanted.name)) continue;
    if (!first(wanted.name) && wanted.name !== STREAM.lease) {
      missing.push(wanted.name);
      continue;
    }
    await add(jsm, wanted);
    made.push(wanted.name);
  }
  const kvm = new Kvm(nc);
  for (const [bucket, { ttl }] of Object.entries(BUCKETS)) {
    if (present.has(`KV_${bucket}`)) continue;
    if (!first(`KV_${bucket}`)) missing.push(`KV_${bucket}`);
    else await kvm.create(bucket, { ttl, history: 1, replicas });
  }
  for (const [store, { ttl, bytes }] of Object.entries(STORES)) {
    if (present.has(`OBJ_${store}`)) continue;
    if (!first(`OBJ_${store}`)) missing.push(`OBJ_${store}`);
    else await new Objm(nc).create(store, { ttl: nanos(ttl), max_bytes: bytes, replicas });
  }
  return { made, missing };
}

/** Makes the lease stream again after the server lost its memory; leases taken before then are void. */
export async function createLeaseStream(nc: NatsConnection): Promise<void> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  // As many copies as the others have.
  const replicas = await jsm.streams.info(STREAM.inbox).then((i) => i.config.num_replicas, () => 1);
  await add(jsm, streamConfigs(1, replicas).find((s) => s.name === STREAM.lease)!).catch(() => {});
}

async function add(jsm: JetStreamManager, wanted: Wanted): Promise<void> {
  let got: StreamConfig;
  try {
    got = (await jsm.streams.add(wanted)).config;
  } catch (error) {
    // Two masters may set up at once: the other's stream is as good.
    if (/already in use/.test((error as Error).message)) return;
    throw error;
  }
  const differs = Object.entries(wanted).filter(([k, v]) => JSON.stringify(sorted(got[k as keyof StreamConfig])) !== JSON.stringify(sorted(v)));
  if (differs.length > 0) throw new ServerUnfit(`stream ${wanted.name}: the server ignored ${differs.map(([k]) => k).join(', ')}: use nats-server 2.12 or newer`);
}

const sorted = (v: unknown): unknown => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v);

/** How many partitions the inbox was set up with; fixed by its transform. */
export async function partitionsOf(nc: NatsConnection): Promise<number | null> {
  const jsm = await jetstreamManager(nc);
  try {
    const { config } = await jsm.streams.info(STREAM.inbox);
    const found = /partition\((\d+),/.exec(config.subject_transform?.dest ?? '');
    return found ? Number(found[1]) : null;
  } catch {
    return null;
  }
}
