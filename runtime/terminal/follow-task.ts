import { jetstream, type Consumer, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { STREAM, subjects, WHYS } from '../../transport/subjects.ts';
import { patiently } from '../operator.ts';
import { openView } from '../read-model/queries/from-journal.ts';
import { findTask, taskLogs, type TaskLogRow, type TaskRow } from '../read-model/queries/tasks.ts';
import { isOver } from './task-shown.ts';

export type Heard = { /** After each change of its state or of why it waits. */ changed?(task: TaskRow): void; /** Each row of its log, from the first one on. */ said?(row: TaskLogRow): void };

/** Follows a task until it has ended and all of its log is there, or until the signal. Gives what it came to, null when it was left. */
export async function followTask(nc: NatsConnection, id: string, heard: Heard, signal: AbortSignal): Promise<TaskRow | null> {
  const view = openView(nc);
  const consumers = await Promise.all([
    patiently(() => jetstream(nc).consumers.get(STREAM.tasklog, { filter_subjects: [subjects.tasklog(WHYS, '*'), subjects.tasklog(id, '*')] })),
    patiently(() => jetstream(nc).consumers.get(STREAM.journal, { filter_subjects: [subjects.journal({ kind: 'task', id })] })),
  ]);
  let lastLog = 0;
  let shown = '';
  let end!: () => void;
  const over = new Promise<void>((resolve) => (end = resolve));
  const look = () => {
    if (heard.said) {
      for (const row of taskLogs(view.db, id, { after: lastLog, limit: 100_000 })) {
        lastLog = row.id;
        heard.said(row);
      }
    }
    const task = findTask(view.db, id);
    if (!task) return;
    const now = `${task.status} ${task.attempt} ${task.why}`;
    if (now !== shown) heard.changed?.(task);
    shown = now;
    if (isOver(task.status)) end();
  };
  const stop = await Promise.all(consumers.map((c, i) => feed(c, (m) => {
    view.apply(i === 0 ? STREAM.tasklog : STREAM.journal, m);
    look();
  })));
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  await over;
  // What the server has sent before it answers this is heard by then.
  if (!signal.aborted && heard.said) while (!signal.aborted && (await consumers[0]!.info()).num_pending > 0) await new Promise((r) => setTimeout(r, 20));
  for (const s of stop) s();
  const task = findTask(view.db, id);
  view.db.close();
  return signal.aborted ? null : task;
}

async function feed(consumer: Consumer, take: (m: JsMsg) => void): Promise<() => void> {
  const messages = await consumer.consume({ callback: take });
  return () => messages.stop();
}
