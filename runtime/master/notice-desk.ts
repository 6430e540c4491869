import type { Notice, Priority } from '../../machines/notice.ts';
import type { NotifierConfig, NotifierContext, Place } from '../../machines/notifier.ts';
import { STREAM } from '../../transport/subjects.ts';
import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';

export type NoticeDeskOptions = { db: Db; engine: Engine; log(level: 'warn', message: string): void };

type Row = { key: string; type: Notice['type']; account_id: string | null; account_name: string | null; title: string; content: string; priority: Priority; created_ms: number; src_seq: number; src_n: number };

/** Streams whose messages become notifications. */
const SOURCES = [STREAM.journal, STREAM.data, STREAM.notes] as const;
const AT_ONCE = 50;
const SCANNED = 500;
/** A sink that can't get rid of what it has is handed no more: what waits is in the view, and kept as long as that keeps it. */
const SINK_FULL = 20;
const LOOK_EVERY = 5_000;
const SOON = 50;
const RANK: readonly Priority[] = ['low', 'normal', 'high', 'urgent'];
const CONTENT = 300;

/** Shows each notification once to every rule that wants it. What a rule has taken stands in its own journal: a repetition changes nothing. */
export class NoticeDesk {
  private readonly o: NoticeDeskOptions;
  private readonly rules;
  private readonly next;
  /** How far each rule was looked through without a match; only a match is worth a turn. */
  private readonly passed = new Map<string, Place>();
  private readonly timer: NodeJS.Timeout;
  private soon: NodeJS.Timeout | null = null;
  private running = false;
  private again = false;

  constructor(options: NoticeDeskOptions) {
    this.o = options;
    const { db } = options;
    this.rules = db.prepare(`SELECT n.id FROM notifiers n LEFT JOIN sinks s ON s.id = n.sink_id WHERE n.status <> 'off' AND COALESCE(s.kept, 0) < ${SINK_FULL}`).pluck();
    this.next = db.prepare(`SELECT n.key, n.type, n.account_id, a.account_name, n.title, n.content, n.priority, n.created_ms, n.src_seq, n.src_n FROM notifications n LEFT JOIN accounts a ON a.id = n.account_id
      WHERE n.src = ? AND (n.src_seq, n.src_n) > (?, ?) AND n.created_ms >= ? ORDER BY n.src_seq, n.src_n LIMIT ${SCANNED}`);
    this.timer = setInterval(() => this.wake(), LOOK_EVERY);
  }

  changed(topics: readonly string[]): void {
    if (topics.some((t) => t === 'notification' || t === 'notifier' || t === 'sink')) this.soon ??= setTimeout(() => this.wake(), SOON);
  }

  stop(): void {
    clearInterval(this.timer);
    if (this.soon) clearTimeout(this.soon);
  }

  private wake(): void {
    this.soon = null;
    if (this.running) this.again = true;
    else void this.pass();
  }

  private async pass(): Promise<void> {
    this.running = true;
    try {
      do {
        this.again = false;
        if (!this.o.db.open) return;
        for (const id of this.rules.all() as string[]) if (this.o.engine.host.owns(`notifier/${id}`)) await this.feed(id);
      } while (this.again);
    } catch (error) {
      this.o.log('warn', `notifications could not be sent on: ${(error as Error).message}`);
    } finally {
      this.running = false;
    }
  }

  private async feed(id: string): Promise<void> {
    const actor = `notifier/${id}`;
    // The rule itself knows best what it has; the view may be behind.
    const head = await this.o.engine.host.head(actor);
    if (!head || (head.entry.after as { status: string }).status !== 'active') return;
    const { config, since, seen } = (head.entry.after as { context: NotifierContext }).context;
    if (since === 0) return;
    for (const src of SOURCES) {
      const key = `${id} ${src}`;
      const from = latest(seen[src], this.passed.get(key));
      const rows = this.next.all(src, from[0], from[1], since) as Row[];
      const fit = rows.filter((r) => wanted(config, r)).slice(0, AT_ONCE);
      const last = fit.length === AT_ONCE ? fit.at(-1)! : rows.at(-1);
      if (!last) continue;
      const to: Place = [last.src_seq, last.src_n];
      if (fit.length > 0) {
        const items = fit.map((r) => ({ place: [r.src_seq, r.src_n] as Place, notice: noticeOf(r) }));
        const outcome = await this.o.engine.ask(actor, { is: 'event', event: { type: 'NOTICES', src, items, to }, cause: { id: `notices:${src}:${to.join('.')}` } });
        if (outcome.is === 'elsewhere') return;
      }
      this.passed.set(key, to);
      if (rows.length === SCANNED || fit.length === AT_ONCE) this.again = true;
    }
  }
}

const latest = (a: Place | undefined, b: Place | undefined): Place => {
  if (!a || !b) return a ?? b ?? [0, -1];
  return b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a;
};

const wanted = (c: NotifierConfig, r: Row): boolean =>
  (c.types.length === 0 || c.types.includes(r.type)) && (c.accounts.length === 0 || (r.account_id !== null && c.accounts.includes(r.account_id))) && RANK.indexOf(r.priority) >= RANK.indexOf(c.least);

const noticeOf = (r: Row): Notice => ({ key: r.key, type: r.type, account: r.account_id, accountName: r.account_name, title: r.title.slice(0, 200), content: [...r.content.slice(0, 2 * CONTENT)].slice(0, CONTENT).join(''), priority: r.priority, at: r.created_ms });
