import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { conversationId } from '../../actors/conversation-id.ts';
import type { Mux } from '../../transport/mux.ts';
import { PREFIX, STREAM } from '../../transport/subjects.ts';
import type { FoundComment, FoundMessage } from '../read-model/project-talks.ts';
import type { Engine } from './engine.ts';
import type { RuleDesk } from './rule-desk.ts';

const DURABLE = 'talks';
// Each may come again while it is still worked at: whoever is told knows what it had.
const ACK_WAIT = 5_000;

type Body = { items?: (FoundComment | FoundMessage)[]; at?: number; conversations?: unknown; unread?: unknown; again?: unknown };

export type TalkWatchOptions = { mux: Mux; engine: Engine; rules: RuleDesk; log(level: 'warn', message: string): void };

/**
 * Tells talks that something has come, was answered or read, and lets rules look at it. One place in the data stream for all masters,
 * moved only when everything that a message asked for is stored: each message counts once or more, and who is told knows what it had.
 */
export class TalkWatch {
  private readonly o: TalkWatchOptions;
  private messages: ConsumerMessages | null = null;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(options: TalkWatchOptions) {
    this.o = options;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.messages?.close().catch(() => undefined);
    await Promise.race([this.running, new Promise((r) => setTimeout(r, 1_000))]);
  }

  private async run(): Promise<void> {
    const { nc } = this.o.mux;
    while (!this.stopped) {
      try {
        // What was found before this build was there is nobody's news.
        const jsm = await jetstreamManager(nc);
        await jsm.consumers.info(STREAM.data, DURABLE).catch(() => jsm.consumers.add(STREAM.data, { durable_name: DURABLE, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.New, ack_wait: nanos(ACK_WAIT), max_ack_pending: 256 }));
        if (this.stopped) return;
        const consumer = await jetstream(nc).consumers.get(STREAM.data, DURABLE);
        this.messages = await consumer.consume({ max_messages: 8, idle_heartbeat: 2_000 } as never);
        for await (const m of this.messages) {
          try {
            await this.take(m);
            m.ack();
          } catch (error) {
            this.o.log('warn', `talks: message ${m.seq} of the data stream has to wait: ${(error as Error).message}`);
            m.nak(1_000);
          }
        }
      } catch (error) {
        if (!this.stopped) this.o.log('warn', `talks: ${(error as Error).message}`);
      }
      if (!this.stopped) await new Promise((r) => setTimeout(r, 500));
    }
  }

  private async take(m: JsMsg): Promise<void> {
    const [, , account, what] = m.subject.split('.') as [string, string, string, string];
    const body = read(m.data);
    // Written anew, or of somebody who is to be forgotten: no news.
    if (body?.again === true || what === 'erased') return;
    if (!body || !m.subject.startsWith(`${PREFIX}.data.`)) return;
    const at = Number(body.at ?? 0);
    if (what === 'read') {
      for (const id of (Array.isArray(body.conversations) ? body.conversations : []).map(String)) await this.tell(id, body.unread === true ? { type: 'UNREAD', since: at } : { type: 'READ' }, `read:${m.seq}:${id}`);
      return;
    }
    const came = new Set<string>();
    const answered = new Set<string>();
    for (const item of body.items ?? []) {
      if ('post' in item) came.add(conversationId({ account, type: 'comment', peer: item.author.id, post: item.post.id }));
      else (item.direction === 'inbound' ? came : answered).add(conversationId({ account, type: 'message', peer: item.sender.id }));
    }
    await Promise.all([...came].map((id) => this.tell(id, { type: 'ARRIVED', seq: m.seq, found: at }, `arrived:${m.seq}:${id}`)));
    await Promise.all([...answered].filter((id) => !came.has(id)).map((id) => this.tell(id, { type: 'ANSWERED', written: at }, `answered:${m.seq}:${id}`)));
    await this.o.rules.take(account, body.items ?? [], () => m.working());
  }

  /** Only talks that somebody has acted on have an actor; the others are worked out from their items. */
  private async tell(id: string, event: { type: string; [key: string]: unknown }, cause: string): Promise<void> {
    const head = await this.o.engine.host.head(`conversation/${id}`);
    if (!head || (head.entry.after as { status: string }).status !== 'active') return;
    await this.o.engine.send({ kind: 'conversation', id }, event, cause, 'talks');
  }
}

function read(data: Uint8Array): Body | null {
  try {
    const body = JSON.parse(Buffer.from(data).toString('utf8')) as Body;
    return body && typeof body === 'object' ? body : null;
  } catch {
    return null;
  }
}
