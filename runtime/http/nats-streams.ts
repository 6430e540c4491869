import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';

/** What the server says of its streams. Sizes in bytes, ages in milliseconds. */
export type StreamReport = {
  streams: { name: string; messages: number; bytes: number; firstSeq: number; lastSeq: number; lastMs: number | null; maxBytes: number | null; maxAgeMs: number | null; storage: string; replicas: number; consumers: { name: string; pending: number; ackPending: number; redelivered: number; waiting: number; pinned: boolean; lastMs: number | null }[] }[];
  buckets: { name: string; kind: 'KV' | 'object store'; values: number; bytes: number }[];
};

const FRESH = 2_000;

/** Asks the server at most every two seconds, however many look. Throws when NATS does not answer. */
export function natsStreams(nc: NatsConnection): () => Promise<StreamReport> {
  let known: { at: number; report: Promise<StreamReport> } | null = null;
  return () => {
    if (!known || performance.now() - known.at > FRESH) {
      const report = look(nc);
      known = { at: performance.now(), report };
      report.catch(() => (known = null));
    }
    return known.report;
  };
}

async function look(nc: NatsConnection): Promise<StreamReport> {
  const jsm = await jetstreamManager(nc, { timeout: 3_000, checkAPI: false });
  const report: StreamReport = { streams: [], buckets: [] };
  for await (const info of jsm.streams.list()) {
    const { name } = info.config;
    const bucket = /^(KV|OBJ)_(.+)$/.exec(name);
    if (bucket) report.buckets.push({ name: bucket[2]!, kind: bucket[1] === 'KV' ? 'KV' : 'object store', values: info.state.messages, bytes: info.state.bytes });
    else report.streams.push({ ...lineOf(info), consumers: await consumersOf(jsm, name) });
  }
  report.streams.sort((a, b) => a.name.localeCompare(b.name));
  report.buckets.sort((a, b) => a.name.localeCompare(b.name));
  return report;
}

const lineOf = ({ config, state }: StreamInfo) => ({
  name: config.name, messages: state.messages, bytes: state.bytes, firstSeq: state.first_seq, lastSeq: state.last_seq, lastMs: state.messages > 0 ? Date.parse(String(state.last_ts)) : null,
  maxBytes: config.max_bytes > 0 ? config.max_bytes : null, maxAgeMs: Number(config.max_age) > 0 ? Number(config.max_age) / 1_000_000 : null, storage: config.storage, replicas: config.num_replicas,
});

async function consumersOf(jsm: Awaited<ReturnType<typeof jetstreamManager>>, stream: string): Promise<StreamReport['streams'][number]['consumers']> {
  const found: StreamReport['streams'][number]['consumers'] = [];
  for await (const c of jsm.consumers.list(stream)) {
    const last = c.delivered.last_active;
    const groups = (c as unknown as { priority_groups?: { pinned_client_id?: string }[] }).priority_groups;
    found.push({ name: c.name, pending: c.num_pending, ackPending: c.num_ack_pending, redelivered: c.num_redelivered, waiting: c.num_waiting, pinned: groups?.some((g) => g.pinned_client_id) ?? false, lastMs: last ? Number(last) / 1_000_000 : null });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}
