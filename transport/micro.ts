import { nuid, type Msg, type NatsConnection } from '@nats-io/nats-core';

export type Endpoint = { name: string; subject: string; queue?: string; metadata?: Record<string, string>; handle: (msg: Msg) => void };

type Stats = { num_requests: number; num_errors: number; processing_time: number };

/** A NATS micro service by ADR-32: `nats micro ls`, `info` and `stats` see it. */
export function serve(nc: NatsConnection, about: { name: string; version: string; description: string; metadata?: Record<string, string> }, endpoints: Endpoint[]): { stop(): void } {
  const id = nuid.next();
  const started = new Date().toISOString();
  const stats = new Map<string, Stats>(endpoints.map((e) => [e.name, { num_requests: 0, num_errors: 0, processing_time: 0 }]));
  const head = { name: about.name, id, version: about.version, metadata: about.metadata ?? {} };
  const answers: Record<string, () => object> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...head }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...head,
      description: about.description,
      endpoints: endpoints.map((e) => ({ name: e.name, subject: e.subject, queue_group: e.queue ?? 'q', metadata: e.metadata ?? {} })),
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...head,
      started,
      endpoints: endpoints.map((e) => {
        const s = stats.get(e.name)!;
        return { name: e.name, subject: e.subject, queue_group: e.queue ?? 'q', ...s, average_processing_time: s.num_requests ? Math.round(s.processing_time / s.num_requests) : 0 };
      }),
    }),
  };
  const subs = Object.entries(answers).flatMap(([verb, answer]) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${about.name}`, `$SRV.${verb}.${about.name}.${id}`].map((subject) =>
      nc.subscribe(subject, { callback: (error, msg) => void (error || msg.respond(JSON.stringify(answer()))) }),
    ),
  );
  for (const e of endpoints) {
    subs.push(
      nc.subscribe(e.subject, {
        queue: e.queue ?? 'q',
        callback: (error, msg) => {
        if (error) return;
          const s = stats.get(e.name)!;
          const t = process.hrtime.bigint();
          s.num_requests++;
          try {
            e.handle(msg);
          } catch {
            s.num_errors++;
          }
          s.processing_time += Number(process.hrtime.bigint() - t);
        },
      }),
    );
  }
  return { stop: () => subs.forEach((s) => !nc.isClosed() && s.unsubscribe()) };
}
