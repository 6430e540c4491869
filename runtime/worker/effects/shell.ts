import { mkdirSync, rmSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkerFault } from '../fault.ts';
import { Lines } from '../shell/lines.ts';
import { ShellProcess } from '../shell/shell-process.ts';
import type { Artefacts } from './artefacts.ts';
import type { EffectContext } from './effect-context.ts';
import type { WorkInput } from './work-input.ts';

/** The end of each stream that goes into the result, characters. */
const TAIL = 8000;
/** The whole output is kept as a file up to this size, bytes. */
const WHOLE = 4_000_000;

/** A shell task: its command in a process group of its own, its output as rows, and nothing of it left at the end. */
export async function shell(ctx: EffectContext, input: WorkInput, files: Artefacts): Promise<{ result: unknown; agent: null }> {
  const { signal } = ctx;
  const { allowed, dir, limits } = ctx.shell;
  if (!allowed) throw new WorkerFault('refused', 'this worker runs no shell tasks: start it with --allow-shell');
  const { command, env = {}, cwd } = input.payload;
  if (!command?.trim()) throw new WorkerFault('refused', 'command: a shell task needs one');
  const wrong = Object.entries(env).find(([k, v]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(k) || k.startsWith('TROUPE_') || v.includes('\0'));
  if (wrong || command.includes('\0')) throw new WorkerFault('refused', wrong ? `env.${wrong[0].slice(0, 60)}: a name is of letters, digits and _, not TROUPE_…, and a value has no NUL` : 'command: must not hold NUL');
  if (cwd !== undefined && !(isAbsolute(cwd) && isFolder(cwd))) throw new WorkerFault('refused', `cwd: ${cwd.slice(0, 200)} must be a folder of the worker's machine, from /`);
  signal.throwIfAborted();
  ctx.assertHeld();

  const own = join(dir, `${input.task}-${input.attempt}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const process = new ShellProcess({ command, cwd: cwd ?? own, env: { TROUPE_TASK: input.task, TROUPE_ATTEMPT: String(input.attempt), TMPDIR: own, ...env }, limits, timeoutMs: input.timeoutMs, notes: join(dir, 'running') });
  const output = { out: '', err: '' };
  const whole: Buffer[] = [];
  let size = 0;
  const listen = (stream: 'out' | 'err', from: NodeJS.ReadableStream) => {
    const lines = new Lines((text) => ctx.note({ level: stream, text }));
    from.on('data', (chunk: Buffer) => {
      if ((size += chunk.length) <= WHOLE) whole.push(chunk);
      output[stream] = (output[stream] + chunk.toString('utf8')).slice(-TAIL);
      lines.take(chunk);
    });
    return lines;
  };
  const streams = [listen('out', process.child.stdout!), listen('err', process.child.stderr!)];
  const drained = Promise.all([process.child.stdout!, process.child.stderr!].map((s) => new Promise((done) => s.once('close', done))));
  const kill = () => void process.kill();
  try {
    ctx.note({ level: 'info', text: `started in a process group of its own, ${process.held === 'cgroup' ? `${limits.memoryMb} MB and ${limits.cpuCores} CPU for all of it` : `${limits.memoryMb} MB for each process`}`, progress: 0 });
    ctx.emit({ type: 'STARTED', agent: null });
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    const { code, signal: by } = await process.ended.catch((error: Error) => {
      throw new WorkerFault('tool-failed', `the command can't be started: ${error.message}`);
    });
    // What it left running goes with it, and lets go of the output.
    await process.kill();
    await Promise.race([drained, sleep(1000, undefined, { ref: false })]);
    streams.forEach((s) => s.end());
    signal.throwIfAborted();
    if (size > TAIL) await files.keep('output.log', 'text/plain', Buffer.concat(whole));
    if (code !== 0) throw new WorkerFault('exit-code', `the command ${by ? `was killed by ${by}${by === 'SIGKILL' ? ': out of memory, or by hand' : ''}` : `ended with exit ${code}`}${lastLine(output.err) || lastLine(output.out)}`);
    ctx.note({ level: 'info', text: 'ended with exit 0', progress: 1 });
    return { result: { exitCode: 0, out: output.out, err: output.err }, agent: null };
  } finally {
    signal.removeEventListener('abort', kill);
    const left = await process.kill();
    if (left.length > 0) ctx.log('error', 'task', `processes of task ${input.task} can't be killed: ${left.join(', ')}`);
    rmSync(own, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

const lastLine = (text: string): string => {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line.slice(0, 300)}`;
};

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
