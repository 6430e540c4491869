import { randomBytes } from 'node:crypto';
import type { Answer } from '../../transport/protocol.ts';
import { keyId } from '../http/work/create-task.ts';
import { withOperator, type Operator } from '../operator.ts';
import { afterWords, readTaskFlags, TASK_FLAGS } from '../tasks/read-task-flags.ts';
import { taskIdOf } from '../terminal/find-task.ts';
import { taskJson } from '../terminal/task-shown.ts';
import { showOutcome, waitForTask } from '../terminal/wait-for-task.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'add';
export const summary = 'add a task: a page to work at, or a command to run';
export const usage = `Usage: troupe add TITLE [--desc TEXT] [--type T] [--group G] [--priority N] … [--wait] [--json]

  troupe add "disk space" --desc "shell:df -h" --group linux --priority 8
  troupe add "front page" --url https://example.org --payload steps.json --wait

  --desc TEXT      what it is; shell:CMD is run by a worker that was started with --allow-shell
  --type T         scrape, test, automation or shell; else found out
  --group G        the workers that may do it; default
  --priority N     1 to 10, high first; 5
  --payload P      a file, - for what is piped in, or JSON: {"url", "actions": [{"tool", "args"}]}, {"command", "env", "cwd"}
  --url URL        the page to begin at
  --account ID     works logged in as this account, on its worker
  --worker ID      on this worker alone
  --agent ID       in this agent's window alone
  --label K=V      on a worker with this label; may be given several times
  --timeout TIME   the end of one try, like 60s; 5m
  --retries N      0 to 3 more tries; 3
  --after ID       not before this task has completed; several with commas
  --key K          one task a key, however often it is added
  --at TIME        not before: +10m, 18:30, 2026-12-01T08:00
  --wait           until it has ended: 0 when it completed, else 1`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...TASK_FLAGS, wait: { type: 'boolean' }, json: { type: 'boolean' } }, { least: 1, names: 'the title is' });
  const fields = { type: 'automation', ...readTaskFlags(flags, Date.now()), title: rest[0]! };
  if (rest[0]!.trim() === '') throw new UsageError('the title must not be empty');
  return withOperator(ctx, async (operator) => {
    const after = await Promise.all(afterWords(flags).map((word) => taskIdOf(operator, word)));
    const id = flags.key === undefined ? `t${randomBytes(5).toString('hex')}` : keyId(flags.key);
    const made = await create(operator, ctx, id, after.length > 0 ? { ...fields, after } : fields);
    if (!made.ok) {
      if (flags.json) ctx.out(JSON.stringify(made));
      else ctx.err(`troupe: ${made.message}`);
      return 1;
    }
    if (!flags.wait) {
      if (flags.json) ctx.out(JSON.stringify({ ok: true, id, number: made['number'] ?? null, title: made['title'] ?? null, state: made['state'] ?? null, repeated: made['repeated'] === true }));
      else ctx.out(`${made['repeated'] ? 'there is already' : 'added'} task ${made['number'] ?? id}; look at it with: troupe task show ${made['number'] ?? id}`);
      return 0;
    }
    const task = await waitForTask(operator, ctx, id);
    if (!task) return 130;
    if (flags.json) ctx.out(JSON.stringify(taskJson(task), null, 2));
    else showOutcome(ctx, task);
    return task.status === 'completed' ? 0 : 1;
  });
}

/** A master that was killed is back in less. */
const SILENT_MS = 10_000;

type Made = Extract<Answer, { ok: true }> | Extract<Answer, { ok: false }>;

/** Asks again under the same id while masters change hands, so that it is made once. */
async function create(operator: Operator, ctx: VerbContext, id: string, fields: object): Promise<Made> {
  const until = performance.now() + 20_000;
  const silentUntil = performance.now() + SILENT_MS;
  let said = false;
  for (;;) {
    const answer = (await operator.command({ kind: 'task', id }, 'create', fields, `cli:${id}`).catch((error: Error) => {
      if (performance.now() > silentUntil) throw error;
      if (!said) ctx.err(`troupe: no master answers; asked again for ${SILENT_MS / 1000} s`);
      said = true;
      return { ok: false, code: 'unavailable', message: error.message };
    })) as Made;
    if (!answer.ok && answer.code === 'duplicate' && 'key' in fields) {
      const known = (await operator.command({ kind: 'task', id }, 'inspect', {})) as Made & { context?: { seq: number; title: string } };
      return known.ok ? { ok: true, repeated: true, number: known.context!.seq, title: known.context!.title, state: known['state'] } : known;
    }
    if (answer.ok || !['unavailable', 'timeout'].includes(answer.code) || performance.now() > until) return answer;
    await new Promise((r) => setTimeout(r, 300));
  }
}
