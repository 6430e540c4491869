import { decodeEntry, textOf, isBusy, nextDue, statePaths } from '../../actors/entry.ts';
import type { StreamMessage as Message } from '../../transport/stream-reader.ts';
import { note } from '../../transport/protocol.ts';
import { parseActorSubject, parseTasklog, partitionOf, PURGED, STREAM, WHYS } from '../../transport/subjects.ts';
import { actorProjections } from './project-actors.ts';
import { TalkRows } from './project-talks.ts';
import type { Notify } from './project.ts';
import type { Db } from './store.ts';

const AUDITED = /^(user|token|operator)/;

/** Applies stream messages to the tables; the caller holds the transaction. Answers which topics have changed. */
export class Projection {
  private readonly db: Db;
  private readonly partitions: number;
  private readonly run: ReturnType<Projection['statements']>;
  private readonly byKind: ReturnType<typeof actorProjections>;
  private readonly talks: TalkRows;
  private topics = new Set<string>();
  private current = { src: '', seq: 0, n: 0 };

  constructor(db: Db, partitions: number) {
    this.db = db;
    this.partitions = partitions;
    this.run = this.statements();
    this.talks = new TalkRows(db);
    this.byKind = actorProjections(db, this.notify, this.talks);
  }

  /** `newest`: no later message of the batch is about the same actor. */
  apply(m: Message, newest = true): void {
    this.current = { src: m.stream, seq: m.seq, n: 0 };
    if (m.stream === STREAM.journal) this.journal(m, newest);
    else if (m.stream === STREAM.parked) this.parked(m);
    else if (m.stream === STREAM.data) this.data(m);
    else if (m.stream === STREAM.log) this.log(m);
    else if (m.stream === STREAM.metrics) this.metrics(m);
    else if (m.stream === STREAM.notes) this.note(m);
    else if (m.stream === STREAM.tasklog) this.tasklog(m);
  }

  /** The topics touched since the last call. */
  changed(): string[] {
    const all = [...this.topics];
    this.topics = new Set();
    return all;
  }

  private journal(m: Message, newest: boolean): void {
    const to = parseActorSubject(m.subject);
    if (!to) return;
    const actor = `${to.kind}/${to.id}`;
    this.topics.add(to.kind).add(actor).add('actor');
    let entry;
    try {
      entry = decodeEntry(m.data);
    } catch (error) {
      this.run.park.run({ kind: to.kind, id: to.id, why: (error as Error).message });
      return;
    }
    const after = entry.after as { status: string; value: unknown };
    const state = statePaths(after.value);
    // The row of an actor shows its newest entry: the ones before it in a batch would be written for nothing. The first sets the birth.
    if (newest || entry.index === 1) {
      this.run.actor.run({ kind: to.kind, id: to.id, partition: partitionOf(to, this.partitions), version: entry.version, idx: entry.index, seq: m.seq, at_ms: entry.at, status: after.status, state, entry: textOf(m.data), busy: isBusy(entry.pending) ? 1 : 0, due_ms: nextDue(entry.pending) });
    }
    const by = entry.cause.by ?? null;
    this.run.turn.run({ kind: to.kind, id: to.id, idx: entry.index, seq: m.seq, at_ms: entry.at, event: entry.event.type, by, state });
    if (by && AUDITED.test(by)) this.run.audit.run({ key: `j${m.seq}`, at_ms: entry.at, by, actor, event: entry.event.type, detail: entry.cause.request ?? null });
    this.byKind[to.kind]?.(to.id, entry, state, after.status, newest);
    if (to.kind === 'monitor') this.topics.add('account').add(`account/${to.id}`);
    if (to.kind === 'login') this.topics.add('account');
    if (to.kind === 'reply' || to.kind === 'conversation') this.topics.add('inbox');
    if (to.kind === 'task' || to.kind === 'agent') this.topics.add('task');
  }

  private parked(m: Message): void {
    const to = parseActorSubject(m.subject);
    const body = json(m.data);
    if (!to || !body) return;
    this.topics.add(`${to.kind}/${to.id}`).add('actor').add('parked');
    this.run.park.run({ kind: to.kind, id: to.id, why: Array.isArray(body.keep) && body.keep.length === 0 ? null : String(body.error ?? 'unknown') });
  }

  private data(m: Message): void {
    const [, , account, what] = m.subject.split('.') as [string, string, string, string];
    const body = json(m.data);
    if (!body) return;
    this.topics.add('inbox').add(`inbox/${account}`);
    const at = Number(body.at ?? m.at);
    if (what === 'read') {
      this.talks.read(account, (body.comments ?? []).map(String), (body.messages ?? []).map(String), body.unread !== true);
      if (body.unread !== true) for (const key of body.notifications ?? []) this.run.readNotification.run(String(key));
      this.topics.add('notification');
      return;
    }
    if (what === 'erased') {
      this.talks.erase(account, String(body.who), (Array.isArray(body.talks) ? body.talks : []).map(String), at);
      this.topics.add('notification').add('reply').add('conversation');
      return;
    }
    const quiet = body.again === true;
    for (const item of body.items ?? []) {
      if (what === 'comment') {
        if (!this.talks.comment(account, item, at) || quiet) continue;
        this.notify({ key: `comment-${account}-${item.id}`, type: 'comment', account, related: item.id, title: item.author.name, content: item.text, priority: 'normal', at });
      } else {
        if (!this.talks.message(account, item, at) || quiet) continue;
        if (item.direction === 'inbound') this.notify({ key: `message-${account}-${item.id}`, type: 'direct_message', account, related: item.id, title: item.sender.name, content: item.text, priority: 'high', at });
      }
    }
    // What is written anew stands behind what was said of it.
    if (quiet && Array.isArray(body.read) && body.read.length > 0) this.talks.read(account, what === 'comment' ? body.read.map(String) : [], what === 'message' ? body.read.map(String) : [], true);
  }

  private log(m: Message): void {
    const [, , worker, level] = m.subject.split('.') as [string, string, string, string];
    const body = json(m.data);
    if (!body) return;
    const at = Number(body.at ?? m.at);
    this.topics.add(`log/${worker}`);
    this.run.logRow.run({ worker, level, category: String(body.category ?? 'system'), message: String(body.message ?? '').slice(0, 4000), details: body.details === undefined ? null : JSON.stringify(body.details), s: Math.floor(at / 1000), ms: at });
  }

  /** A row or several of a task's log; the last of them that says how far it is counts. */
  private tasklog(m: Message): void {
    const of = parseTasklog(m.subject);
    const body = json(m.data);
    if (!of || !body) return;
    const { task } = of;
    if (task === WHYS) return this.whys(body);
    this.topics.add(`task/${task}`).add(`tasklog/${task}`);
    if (of.worker === PURGED) {
      this.run.purge.run(task, m.at);
      for (const drop of this.run.dropTask) drop.run(task);
      this.topics.add('task');
      return;
    }
    let progress: number | null = null;
    for (const row of Array.isArray(body) ? body : [body]) {
      const { at, level, text, step, progress: far, attempt } = (row ?? {}) as Record<string, unknown>;
      if (typeof far === 'number') progress = far;
      if (typeof text === 'string' && text !== '') this.run.taskLog.run({ task, at: typeof at === 'number' ? at : m.at, level: String(level ?? 'info'), text: text.slice(0, 8000), step: typeof step === 'number' ? step : null, attempt: typeof attempt === 'number' ? attempt : 1 });
    }
    if (progress !== null) this.run.progress.run(progress, task);
  }

  private whys(body: any): void {
    for (const { shape, why } of Array.isArray(body.whys) ? body.whys : []) {
      if (typeof shape !== 'string') continue;
      if (typeof why === 'string') this.run.why.run(shape, why);
      else this.run.noWhy.run(shape);
      this.run.whyOf.run(typeof why === 'string' ? why : null, shape);
    }
    this.topics.add('task');
  }

  private metrics(m: Message): void {
    const step = m.subject.split('.')[2]!;
    const body = json(m.data);
    if (!body || !Array.isArray(body.rows)) return;
    for (const [worker, cpu, memory, tasks, accounts, browsers] of body.rows) this.run.metric.run(step, worker, body.at, cpu, memory, tasks, accounts, browsers);
  }

  /** What people did that is no turn of an actor, and what a process says of itself. */
  private note(m: Message): void {
    const read = note.safeParse(json(m.data));
    if (!read.success) return;
    const n = read.data;
    if (n.is === 'notice') return this.notify({ key: n.key, type: 'system', account: null, related: null, title: n.title, content: n.content, priority: n.priority, at: n.at });
    this.topics.add('actor');
    this.run.audit.run({ key: n.key, at_ms: n.at, by: n.by, actor: n.about, event: n.event, detail: n.request });
  }

  private readonly notify: Notify = (n) => {
    this.topics.add('notification');
    this.run.notification.run({ ...n, src: this.current.src, src_seq: this.current.seq, src_n: this.current.n++, data: JSON.stringify(n.data ?? {}), content: n.content.slice(0, 2000), s: Math.floor(n.at / 1000) });
  };

  private statements() {
    const sql = (text: string) => this.db.prepare(text);
    return {
      actor: sql(`INSERT INTO actors (kind, id, partition, version, idx, seq, at_ms, status, state, entry, busy, due_ms, parked, created_ms)
        VALUES (@kind, @id, @partition, @version, @idx, @seq, @at_ms, @status, @state, @entry, @busy, @due_ms, NULL, @at_ms)
        ON CONFLICT (kind, id) DO UPDATE SET partition=excluded.partition, version=excluded.version, idx=excluded.idx, seq=excluded.seq, at_ms=excluded.at_ms, status=excluded.status, state=excluded.state, entry=excluded.entry, busy=excluded.busy, due_ms=excluded.due_ms`),
      turn: sql(`INSERT OR REPLACE INTO turns (kind, id, idx, seq, at_ms, event, by, state) VALUES (@kind, @id, @idx, @seq, @at_ms, @event, @by, @state)`),
      audit: sql(`INSERT OR IGNORE INTO audit (key, at_ms, by, actor, event, detail) VALUES (@key, @at_ms, @by, @actor, @event, @detail)`),
      park: sql(`UPDATE actors SET parked = @why WHERE kind = @kind AND id = @id`),
      notification: sql(`INSERT OR IGNORE INTO notifications (key, type, account_id, related_id, title, content, data, priority, sent_at, created_at, created_ms, src, src_seq, src_n) VALUES (@key, @type, @account, @related, @title, @content, @data, @priority, @s, @s, @at, @src, @src_seq, @src_n)`),
      readNotification: sql(`UPDATE notifications SET is_read = 1 WHERE key = ?`),
      metric: sql(`INSERT OR IGNORE INTO metrics (step, worker_id, at, cpu, memory_mb, tasks, accounts, browsers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
      why: sql(`INSERT OR REPLACE INTO whys (shape, why) VALUES (?, ?)`),
      noWhy: sql(`DELETE FROM whys WHERE shape = ?`),
      whyOf: sql(`UPDATE tasks SET why = ? WHERE shape = ? AND status = 'pending'`),
      taskLog: sql(`INSERT INTO task_logs (task_id, at_ms, level, text, step, attempt) VALUES (@task, @at, @level, @text, @step, @attempt)`),
      progress: sql(`UPDATE tasks SET progress = ? WHERE id = ? AND finished_ms IS NULL`),
      purge: sql(`INSERT OR REPLACE INTO tasks_purged (task_id, at_ms) VALUES (?, ?)`),
      dropTask: ['tasks WHERE id = ?', 'task_attempts WHERE task_id = ?', 'task_logs WHERE task_id = ?'].map((t) => sql(`DELETE FROM ${t}`)),
      logRow: sql(`INSERT INTO worker_logs (worker_id, level, category, message, details, timestamp, timestamp_ms) VALUES (@worker, @level, @category, @message, @details, @s, @ms)`),
    };
  }
}

function json(data: Uint8Array): any {
  try {
    const body = JSON.parse(textOf(data));
    return body && typeof body === 'object' ? body : null;
  } catch {
    return null;
  }
}
