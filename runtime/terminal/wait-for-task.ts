import type { Operator } from '../operator.ts';
import type { TaskRow } from '../read-model/queries/tasks.ts';
import { harmless, screenOf, type VerbContext } from '../verb.ts';
import { followTask } from './follow-task.ts';
import { paint } from './screen.ts';
import { iconOf, toneOf } from './task-shown.ts';
import { spanText } from './read-time.ts';

/** Waits for a task's end and says on the way what it waits for; null when the person leaves with Ctrl-C, which the task outlives. */
export async function waitForTask(operator: Operator, ctx: VerbContext, id: string): Promise<TaskRow | null> {
  const seen: { task: TaskRow | null } = { task: null };
  const task = await untilLeft((signal) => followTask(operator.nc, id, { changed: (now) => {
    if (now.status === 'retrying') ctx.err(`task ${now.seq}: ${now.error ?? 'it failed'}; try ${now.attempt} of ${now.maxAttempts} follows`);
    else if (now.why && now.why !== seen.task?.why) ctx.err(`task ${now.seq} waits: ${now.why}`);
    else if (now.status === 'running' || (now.status === 'assigned' && seen.task?.status !== 'assigned')) ctx.err(`task ${now.seq} ${now.status === 'running' ? 'runs' : 'is given'} ${now.status === 'running' ? 'on' : 'to'} ${now.worker}`);
    seen.task = now;
  } }, signal));
  if (!task) ctx.err(leftWords(seen.task?.seq ?? id));
  return task;
}

export const leftWords = (name: string | number): string => `the task goes on without this terminal; look at it with: troupe task show ${name}, follow it with: troupe task logs -f ${name}, end it with: troupe task cancel ${name}`;

/** Runs until it is done, or until Ctrl-C, which aborts the signal. */
export async function untilLeft<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const left = new AbortController();
  const leave = () => left.abort();
  process.once('SIGINT', leave);
  try {
    return await work(left.signal);
  } finally {
    process.removeListener('SIGINT', leave);
  }
}

/** How it ended: one line, then its result. */
export function showOutcome(ctx: VerbContext, task: TaskRow): void {
  const screen = screenOf(ctx);
  const took = task.finishedMs === null ? '' : ` after ${spanText(task.finishedMs - (task.startedMs ?? task.createdMs))}`;
  screen.line(`${paint(screen, toneOf(task.status), `${iconOf(task.status)} ${task.status}`)} task ${task.seq}${took}${task.worker ? ` on ${task.worker}` : ''}${task.status === 'completed' || task.error === null ? '' : harmless(`: ${task.error.replace(/\s+/g, ' ')}`)}`);
  const result = resultText(task);
  if (result !== null) ctx.out(result);
}

/** The result as a person reads it; null where there is none. */
export function resultText(task: TaskRow): string | null {
  if (task.object !== null) return `its result is in the object store: ${task.object}`;
  if (task.result === undefined || task.result === null) return null;
  return typeof task.result === 'string' ? task.result : JSON.stringify(task.result, null, 2);
}
