import { readFileSync } from 'node:fs';
import { isId } from '../../transport/subjects.ts';
import { TASK_TYPES } from '../../transport/protocol.ts';
import { BadJson, parseStrict } from '../strict-json.ts';
import { readMoment, readSpan } from '../terminal/read-time.ts';
import { brief, UsageError } from '../verb.ts';

/** The flags that make a task, by what readArgs takes. */
export const TASK_FLAGS = {
  desc: { type: 'string' }, type: { type: 'string' }, group: { type: 'string' }, priority: { type: 'string' }, payload: { type: 'string' }, url: { type: 'string' }, account: { type: 'string' }, worker: { type: 'string' }, agent: { type: 'string' },
  label: { type: 'string', multiple: true }, timeout: { type: 'string' }, retries: { type: 'string' }, after: { type: 'string', multiple: true }, key: { type: 'string' }, at: { type: 'string' },
} as const;
export type TaskFlags = { [K in keyof typeof TASK_FLAGS]?: (typeof TASK_FLAGS)[K] extends { multiple: true } ? string[] : string };

const SHELL = /^\s*shell:\s*/i;

/** What `task create` takes, of flags alone: fields that are not given are left out. A description `shell:CMD` makes a shell task. */
export function readTaskFlags(flags: TaskFlags, now: number): Record<string, unknown> {
  const payload = { ...(flags.payload === undefined ? {} : readPayload(flags.payload)), ...(flags.url === undefined ? {} : { url: flags.url }) } as Record<string, unknown>;
  const command = SHELL.test(flags.desc ?? '') ? flags.desc!.replace(SHELL, '') : null;
  if (command === '') throw new UsageError('--desc "shell:" says nothing to run: write it like --desc "shell:uname -a"');
  if (command !== null && payload['command'] !== undefined) throw new UsageError('--desc shell:… and a command in --payload: give one of them');
  if (command !== null) payload['command'] = command;
  const type = flags.type ?? (payload['command'] === undefined ? undefined : 'shell');
  if (type !== undefined && !(TASK_TYPES as readonly string[]).includes(type)) throw new UsageError(`--type "${brief(type)}": there are ${TASK_TYPES.join(', ')}`);
  const requirements = {
    ...name('account', flags.account), ...name('worker', flags.worker), ...name('agent', flags.agent),
    ...(flags.label === undefined ? {} : { labels: readLabels('--label', flags.label) }),
  };
  return {
    ...(flags.desc === undefined ? {} : { description: flags.desc }), ...(type === undefined ? {} : { type }), ...name('group', flags.group),
    ...(flags.priority === undefined ? {} : { priority: whole('--priority', flags.priority, 1, 10) }),
    ...(Object.keys(payload).length === 0 ? {} : { payload }),
    ...(Object.keys(requirements).length === 0 ? {} : { requirements }),
    ...(flags.timeout === undefined ? {} : { timeoutMs: readSpan('--timeout', flags.timeout) }),
    ...(flags.retries === undefined ? {} : { retries: whole('--retries', flags.retries, 0, 3) }),
    ...(flags.key === undefined ? {} : { key: flags.key }),
    ...(flags.at === undefined ? {} : { at: readMoment('--at', flags.at, now) }),
  };
}

/** `name=value`, several by commas or by several flags. */
export function readLabels(flag: string, given: string[]): Record<string, string> {
  return Object.fromEntries(given.flatMap((g) => g.split(',')).map((pair) => {
    const [, label, value] = /^\s*([A-Za-z0-9][A-Za-z0-9._/-]{0,62})=([A-Za-z0-9._-]{0,63})\s*$/.exec(pair) ?? [];
    if (label === undefined) throw new UsageError(`${flag} "${brief(pair)}": must be name=value, like gpu=1`);
    return [label, value!];
  }));
}

/** Numbers and ids after which it runs, several by commas or by several flags. */
export const afterWords = (flags: TaskFlags): string[] => (flags.after ?? []).flatMap((a) => a.split(',')).map((a) => a.trim()).filter(Boolean);

export function whole(flag: string, text: string, min: number, max: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < min || Number(text) > max) throw new UsageError(`${flag} "${brief(text)}": must be a whole number from ${min} to ${max}`);
  return Number(text);
}

function name(field: string, value: string | undefined): Record<string, string> {
  if (value !== undefined && !isId(value)) throw new UsageError(`--${field} "${brief(value)}": must be 1 to 63 of a-z, 0-9 and hyphens`);
  return value === undefined ? {} : { [field]: value };
}

/** JSON itself, the name of a file that holds it, or `-` for what is piped in. */
function readPayload(given: string): object {
  let text = given;
  const inline = given.trimStart().startsWith('{');
  if (!inline) {
    try {
      text = readFileSync(given === '-' ? 0 : given, 'utf8');
    } catch (error) {
      throw new UsageError(`--payload "${brief(given)}": is no JSON object, and as a file it can't be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`);
    }
  }
  let value: unknown;
  try {
    value = parseStrict(text);
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    throw new UsageError(`--payload${inline ? '' : ` ${brief(given)}`}: ${error.message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new UsageError('--payload: must be a JSON object, like \'{"url": "https://example.org"}\'');
  return value;
}
