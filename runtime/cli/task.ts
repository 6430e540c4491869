import { sayAnswer, withOperator, type Operator } from '../operator.ts';
import { viewOfTask } from '../read-model/queries/from-journal.ts';
import { findTask, taskAttempts, taskLogs, type TaskAttemptRow, type TaskLogRow, type TaskRow } from '../read-model/queries/tasks.ts';
import { readTaskFlags, TASK_FLAGS } from '../tasks/read-task-flags.ts';
import { taskIdOf } from '../terminal/find-task.ts';
import { followTask } from '../terminal/follow-task.ts';
import { agoText, spanText } from '../terminal/read-time.ts';
import { paint, type Screen } from '../terminal/screen.ts';
import { executorOf, iconOf, taskJson, toneOf } from '../terminal/task-shown.ts';
import { leftWords, resultText, showOutcome, untilLeft, waitForTask } from '../terminal/wait-for-task.ts';
import { textTable } from '../text-table.ts';
import { harmless, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'task';
export const summary = 'look at one task, cancel it, run it again, read its log';
export const words = ['show', 'cancel', 'retry', 'logs'] as const;
export const usage = `Usage: troupe task show|cancel|retry|logs TASK [flags]

TASK is a number, like 12, or an id.
  show            state, attempts, result, the end of its log; [--json]
  cancel          ends it in whatever state it is; [--json]
  retry           a new task of the same input, once it has ended; flags of troupe add change it; [--wait] [--json]
  logs [-f]       its log; -f follows until it has ended; [--json]: one row a line`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  if (verb === undefined || !(words as readonly string[]).includes(verb)) throw new UsageError(`say what to do with it: troupe task ${words.join('|')} TASK`);
  const json = { json: { type: 'boolean' } } as const;
  const one = { least: 1, names: 'the number or id of a task is' };
  if (verb === 'show') {
    const { flags, rest } = readArgs(more, json, one);
    return withTask(ctx, rest[0]!, (operator, id) => show(operator, ctx, id, flags.json === true));
  }
  if (verb === 'cancel') {
    const { flags, rest } = readArgs(more, json, one);
    return withTask(ctx, rest[0]!, (operator, id) => command(operator, ctx, id, 'cancel', {}, flags.json === true, () => `task ${rest[0]} is cancelled`));
  }
  if (verb === 'logs') {
    const { flags, rest } = readArgs(more, { ...json, follow: { type: 'boolean', short: 'f' } }, one);
    return withTask(ctx, rest[0]!, (operator, id) => logs(operator, ctx, id, flags.follow === true, flags.json === true));
  }
  const { flags, rest } = readArgs(more, { ...TASK_FLAGS, ...json, title: { type: 'string' }, wait: { type: 'boolean' } }, one);
  const edits = { ...readTaskFlags(flags, Date.now()), ...(flags.title === undefined ? {} : { title: flags.title }) };
  return withTask(ctx, rest[0]!, (operator, id) => retry(operator, ctx, id, edits, flags));
}

async function withTask(ctx: VerbContext, word: string, work: (operator: Operator, id: string) => Promise<number>): Promise<number> {
  return withOperator(ctx, async (operator) => {
    return await work(operator, await taskIdOf(operator, word));
  });
}

async function command(operator: Operator, ctx: VerbContext, id: string, verb: string, payload: object, json: boolean, said: (answer: Record<string, unknown>) => string): Promise<number> {
  return sayAnswer(ctx, await operator.command({ kind: 'task', id }, verb, payload), json, said);
}

async function retry(operator: Operator, ctx: VerbContext, id: string, edits: object, flags: { wait?: boolean; json?: boolean }): Promise<number> {
  if (!flags.wait) return command(operator, ctx, id, 'retry', edits, flags.json === true, (a) => `task ${a['number'] ?? a['task']} does it again; look at it with: troupe task show ${a['number'] ?? a['task']}`);
  const answer = await operator.command({ kind: 'task', id }, 'retry', edits);
  if (!answer.ok) {
    ctx.err(`troupe: ${answer.message}`);
    return 1;
  }
  const task = await waitForTask(operator, ctx, String(answer['task']));
  if (!task) return 130;
  if (flags.json) ctx.out(JSON.stringify(taskJson(task), null, 2));
  else showOutcome(ctx, task);
  return task.status === 'completed' ? 0 : 1;
}

async function show(operator: Operator, ctx: VerbContext, id: string, json: boolean): Promise<number> {
  const db = await viewOfTask(operator.nc, id);
  const task = findTask(db, id);
  if (!task) return missing(ctx, id);
  const attempts = taskAttempts(db, id);
  const log = taskLogs(db, id, { limit: 10 });
  if (json) {
    ctx.out(JSON.stringify({ ...taskJson(task), attempts: attempts.map((a) => ({ attempt: a.attempt, worker: a.worker, agent: a.agent, started_at: new Date(a.startedMs).toISOString(), ended_at: a.endedMs === null ? null : new Date(a.endedMs).toISOString(), outcome: a.outcome, error: a.error })) }, null, 2));
    return 0;
  }
  const screen = screenOf(ctx);
  for (const line of taskLines(screen, task, attempts, log, Date.now())) screen.line(line);
  return 0;
}

/** One task in full, for a person. */
export function taskLines(screen: Screen, t: TaskRow, attempts: TaskAttemptRow[], log: TaskLogRow[], now: number): string[] {
  const facts: [string, string | null][] = [
    ['id', t.id], ['type', t.type], ['group', `${t.group}, priority ${t.priority} (${t.lane})`], ['executor', executorOf(t)], ['account', t.account], ['why', t.why], ['description', t.description || null],
    ['payload', Object.keys(t.payload).length === 0 ? null : JSON.stringify(t.payload)], ['needs', Object.keys(t.requirements).length === 0 ? null : JSON.stringify(t.requirements)], ['after', t.after.join(', ') || null], ['key', t.key],
    ['created', `${agoText(t.createdMs, now)} by ${t.by}`], ['starts', t.atMs === null || t.atMs < now ? null : agoText(t.atMs, now)], ['took', t.finishedMs === null ? null : spanText(t.finishedMs - (t.startedMs ?? t.createdMs))],
    ['next try', t.retryMs === null ? null : agoText(t.retryMs, now)], ['again', t.replayedBy], ['first', t.replayOf], ['error', t.error === null ? null : `${t.errorKind}: ${t.error}`],
  ];
  const lines = [`${paint(screen, toneOf(t.status), `${iconOf(t.status)} ${t.status}`)}  ${paint(screen, 'bold', harmless(`#${t.seq} ${t.title.replace(/\s+/g, ' ')}`))}${t.progress !== null && t.finishedMs === null ? `  ${Math.round(t.progress * 100)} %` : ''}`];
  for (const [fact, value] of facts) if (value !== null) lines.push(`  ${paint(screen, 'dim', fact.padEnd(11))} ${harmless(value)}`);
  if (attempts.length > 0) lines.push(...textTable(['  TRY', 'WORKER', 'AGENT', 'STARTED', 'OUTCOME', 'ERROR'], attempts.map((a) => [`  ${a.attempt}`, a.worker, a.agent, agoText(a.startedMs, now), a.outcome ?? 'runs', a.error])).map(harmless));
  const result = resultText(t);
  if (result !== null) lines.push('result', harmless(result));
  for (const a of t.artefacts) lines.push(harmless(`  ${a.name}  ${a.type}  ${a.bytes} bytes`));
  if (log.length > 0) lines.push('log', ...log.map((row) => `  ${logLine(screen, row)}`));
  return lines;
}

const LEVELS: Record<string, 'bad' | 'warn' | null> = { error: 'bad', err: 'bad', warn: 'warn' };
const logLine = (screen: Screen, row: TaskLogRow): string => `${paint(screen, 'dim', new Date(row.atMs).toISOString().slice(11, 23))} ${paint(screen, LEVELS[row.level] ?? null, harmless(row.text.replace(/\n$/, '')))}`;

async function logs(operator: Operator, ctx: VerbContext, id: string, follow: boolean, json: boolean): Promise<number> {
  const db = await viewOfTask(operator.nc, id);
  const known = findTask(db, id);
  if (!known) return missing(ctx, id);
  const screen = screenOf(ctx);
  const say = (row: TaskLogRow) => (json ? ctx.out(JSON.stringify({ at: new Date(row.atMs).toISOString(), level: row.level, text: row.text, step: row.step, attempt: row.attempt })) : screen.line(logLine(screen, row)));
  if (!follow) {
    for (const row of taskLogs(db, id, { limit: 1_000_000 })) say(row);
    return 0;
  }
  const task = await untilLeft((signal) => followTask(operator.nc, id, { said: say }, signal));
  if (!task) {
    ctx.err(leftWords(known.seq));
    return 130;
  }
  ctx.err(`task ${task.seq} is ${task.status}`);
  return task.status === 'completed' ? 0 : 1;
}

function missing(ctx: VerbContext, id: string): number {
  ctx.err(`troupe: there is no task ${id}; troupe list shows what there is`);
  return 1;
}
