import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { SinkConfig, SinkMessage } from '../../machines/sink.ts';
import type { Config } from '../config.ts';
import { open, type KeyRing } from '../seal.ts';
import { writeWhole } from '../secrets.ts';
import { postAlert } from './post.ts';

const MOST = 50;
const kept = z.object({ sink: z.string(), message: z.looseObject({ id: z.string(), at: z.number() }), nextAt: z.number(), attempt: z.number() });
type Kept = { sink: string; message: SinkMessage; nextAt: number; attempt: number };
/** A sink as it is kept beside the streams: its sealed values stay sealed. */
export type KeptSink = { id: string; config: SinkConfig; sealed: { secret: string | null; password: string | null } };

type Folder = Pick<Config, 'dataDir'>;
const sinksFile = (c: Folder): string => join(c.dataDir, 'alert-sinks.json');
const outboxFile = (c: Folder, who: string): string => join(c.dataDir, `alert-outbox-${who}.json`);

/** Keeps the sinks in a file, for the time in which NATS can't be asked. Writes only what is new. */
export function keepSinks(config: Folder, sinks: KeptSink[]): void {
  const text = `${JSON.stringify(sinks)}\n`;
  const file = sinksFile(config);
  if ((existsSync(file) ? readFileSync(file, 'utf8') : '[]\n') !== text) writeWhole(file, text);
}

function readSinks(config: Folder): KeptSink[] {
  try {
    return JSON.parse(readFileSync(sinksFile(config), 'utf8')) as KeptSink[];
  } catch {
    return [];
  }
}

export type FileOutboxOptions = { config: Folder; /** Whose it is: each process has a file of its own. */ who: string; ring(): KeyRing; log(level: 'info' | 'warn', message: string): void; everyMs?: number };

/** The way out that needs neither NATS nor SQLite: what can't be sent at once is in a file, over any number of restarts. */
export class FileOutbox {
  private readonly o: FileOutboxOptions;
  private readonly end = new AbortController();
  private working: Promise<void> | null = null;
  constructor(options: FileOutboxOptions) {
    this.o = options;
    if (this.read().length > 0) void this.work();
  }

  /** Puts a message on its way to every sink that takes its severity. The same id is taken once. */
  say(about: Pick<SinkMessage, 'alert' | 'name' | 'what' | 'severity' | 'text'> & { episode: string }): void {
    const { episode, ...rest } = about;
    const id = `${about.alert}-${createHash('sha256').update(`${episode} ${about.what}`).digest('hex').slice(0, 16)}`;
    const ranks = ['info', 'warning', 'critical'];
    const now = Date.now();
    const list = this.read();
    for (const sink of readSinks(this.o.config)) {
      if (!sink.config.enabled || ranks.indexOf(about.severity) < ranks.indexOf(sink.config.least) || list.some((k) => k.sink === sink.id && k.message.id === id)) continue;
      list.push({ sink: sink.id, message: { id, breaching: [], at: now, ...rest }, nextAt: now, attempt: 0 });
    }
    this.write(list);
    void this.work();
  }

  get waiting(): number {
    return this.read().length;
  }

  stop(): void {
    this.end.abort();
  }

  private work(): Promise<void> {
    return (this.working ??= this.loop().catch(() => undefined).finally(() => (this.working = null)));
  }

  private async loop(): Promise<void> {
    const every = this.o.everyMs ?? 5_000;
    while (!this.end.signal.aborted) {
      const list = this.read();
      if (list.length === 0) return;
      const due = list.find((k) => k.nextAt <= Date.now());
      if (!due) {
        await delay(Math.min(every, Math.max(10, Math.min(...list.map((k) => k.nextAt)) - Date.now())), undefined, { signal: this.end.signal });
        continue;
      }
      const gone = await this.send(due);
      // Others may have come meanwhile: only this one's line changes.
      const same = (k: Kept) => k.sink === due.sink && k.message.id === due.message.id;
      const next = this.read();
      this.write(gone ? next.filter((k) => !same(k)) : next.map((k) => (same(k) ? { ...k, attempt: k.attempt + 1, nextAt: Date.now() + Math.min(every * 2 ** k.attempt, 600_000) } : k)));
    }
  }

  /** True when it needs no further try. */
  private async send({ sink: id, message }: Kept): Promise<boolean> {
    const sink = readSinks(this.o.config).find((s) => s.id === id);
    if (!sink || Date.now() - message.at > 86_400_000) return true;
    try {
      const opened = (field: 'secret' | 'password') => (sink.sealed[field] === null ? null : open(this.o.ring(), { account: `sink_${id}`, field }, sink.sealed[field]).toString('utf8'));
      await postAlert(sink.config, message, { secret: opened('secret'), password: opened('password') });
      this.o.log('info', `${message.alert} was sent to ${sink.config.name} without NATS`);
      return true;
    } catch (error) {
      this.o.log('warn', `${message.alert} could not be sent to ${sink.config.name}: ${(error as Error).message}`);
      return false;
    }
  }

  private read(): Kept[] {
    try {
      return z.array(kept).parse(JSON.parse(readFileSync(outboxFile(this.o.config, this.o.who), 'utf8'))) as unknown as Kept[];
    } catch {
      return [];
    }
  }
  private write(list: Kept[]): void {
    writeWhole(outboxFile(this.o.config, this.o.who), `${JSON.stringify(list.slice(-MOST))}\n`);
  }
}
