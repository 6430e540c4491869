const PER_USER = 10;
const EVERY_MS = 500;
const BEAT_MS = 15_000;
const CHECK_MS = 3_000;
const REMEMBERED = 500;
/** A client this far behind is cut off; it comes back and is told to draw everything anew. */
const BACKLOG = 64;

type Client = { user: string; wants: Set<string>; waiting: Set<string>; timer: NodeJS.Timeout | null; send(event: string, data: string): void; close(): void };

export type Listen = { user: string; topics: string[]; since: string | null; stillIn: () => Promise<boolean> };

/** Tells open pages what has changed, at most twice a second each. */
export class Live {
  private readonly clients = new Set<Client>();
  private readonly past: { seq: number; topics: string[] }[] = [];
  private readonly boot = Math.random().toString(36).slice(2, 8);
  private seq = 0;

  /** Where a page that is drawn now would go on from. */
  get position(): string {
    return `${this.boot}.${this.seq}`;
  }
  get open(): number {
    return this.clients.size;
  }

  changed(topics: string[]): void {
    this.seq++;
    this.past.push({ seq: this.seq, topics });
    if (this.past.length > REMEMBERED) this.past.shift();
    for (const client of this.clients) this.tell(client, topics);
  }

  /** Null when this user has too many pages open. */
  listen(ask: Listen): ReadableStream<Uint8Array> | null {
    if ([...this.clients].filter((c) => c.user === ask.user).length >= PER_USER) return null;
    const text = new TextEncoder();
    let client: Client;
    let timers: NodeJS.Timeout[] = [];
    const stop = () => {
      timers.forEach(clearInterval);
      if (client?.timer) clearTimeout(client.timer);
      this.clients.delete(client);
    };
    return new ReadableStream<Uint8Array>({
      start: (out) => {
        const close = () => {
          stop();
          try {
            out.close();
          } catch {
            // The reader went first.
          }
        };
        const write = (chunk: string) => {
          if ((out.desiredSize ?? 0) < -BACKLOG) return close();
          out.enqueue(text.encode(chunk));
        };
        client = { user: ask.user, wants: new Set(ask.topics), waiting: new Set(), timer: null, close, send: (event, data) => write(`id: ${this.position}\nevent: ${event}\ndata: ${data}\n\n`) };
        this.clients.add(client);
        write(': open\n\n');
        this.tell(client, this.missed(ask.since));
        timers = [
          setInterval(() => write(': still here\n\n'), BEAT_MS),
          setInterval(() => {
            void ask.stillIn().then((is) => {
              if (is || !this.clients.has(client)) return;
              client.send('signed-out', '{}');
              close();
            }, () => undefined);
          }, CHECK_MS),
        ];
      },
      cancel: stop,
    });
  }

  close(): void {
    for (const client of [...this.clients]) client.close();
  }

  /** Everything since a position that is known, and `all` for one that is not. */
  private missed(since: string | null): string[] {
    const [boot, seq] = since?.split('.') ?? [];
    const from = Number(seq);
    if (boot !== this.boot || !/^\d{1,15}$/.test(seq ?? '') || from > this.seq || (from < this.seq && (this.past[0]?.seq ?? 0) > from + 1)) return ['all'];
    return this.past.filter((p) => p.seq > from).flatMap((p) => p.topics);
  }

  private tell(client: Client, topics: string[]): void {
    for (const topic of topics) if (topic === 'all' || topic === 'health' || client.wants.has(topic) || client.wants.has(topic.split('/')[0]!)) client.waiting.add(topic);
    if (client.waiting.size === 0 || client.timer) return;
    client.timer = setTimeout(() => {
      client.timer = null;
      const news = client.waiting.size > 100 ? ['all'] : [...client.waiting];
      client.waiting.clear();
      client.send('changed', JSON.stringify(news));
      // Whatever comes now waits its half second.
      client.timer = setTimeout(() => {
        client.timer = null;
        this.tell(client, []);
      }, EVERY_MS);
    }, 20);
  }
}
