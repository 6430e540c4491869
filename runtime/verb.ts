import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Config } from './config.ts';
import { nearest } from './nearest.ts';
import type { Screen } from './terminal/screen.ts';

/** A verb of the CLI: what a file of runtime/cli/ exports. `run` gives the exit code. */
export type Verb = {
  name: string;
  /** One line for the list of verbs. */
  summary: string;
  /** Shown by --help. */
  usage: string;
  /** What its first word may be, for completion. */
  words?: readonly string[];
  run(args: string[], ctx: VerbContext): Promise<number>;
};

export type VerbContext = {
  env: Record<string, string | undefined>;
  /** Read when first asked for: `--help` works with a broken configuration. */
  config(): Config;
  out(line: string): void;
  /** The terminal, where there is one: for tables and colours. */
  screen?: Screen;
  err(line: string): void;
};

/** The terminal, or plain lines where there is none. */
export const screenOf = (ctx: VerbContext): Screen => ctx.screen ?? { columns: null, colour: false, line: ctx.out };

/** Used wrongly: exit code 2. */
export class UsageError extends Error {
  readonly exitCode = 2;
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** A word of the command line as errors show it: cut at 80 characters, line ends as `\\n`. */
export const brief = (word: string): string => JSON.stringify(word.length > 80 ? `${word.slice(0, 80)}…` : word).slice(1, -1);

// C0, DEL and C1 but tab and line end; line separators; what turns the direction of writing.
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** Text that a terminal takes as text: what would move its cursor, colour it or turn the line becomes \\uXXXX, which JSON reads as before. */
export const harmless = (text: string): string => text.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

type Flags = NonNullable<ParseArgsConfig['options']>;
type Value<O extends Flags[string]> = O['type'] extends 'boolean' ? boolean : O['multiple'] extends true ? string[] : string;
type Read<F extends Flags> = { flags: { [K in keyof F]?: Value<F[K]> }; rest: string[] };

/** Flags and the words beside them. Throws UsageError on an unknown flag or a wrong number of words. */
export function readArgs<const F extends Flags>(args: string[], options: F, words: { least?: number; most?: number; names?: string } = {}): Read<F> {
  let read;
  try {
    read = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    const unknown = /^Unknown option '(-{0,2}[^']*)'/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw new UsageError((error as Error).message.split('\n')[0]!);
    const near = nearest(unknown, Object.keys(options).concat('help').map((o) => `--${o}`));
    throw new UsageError(`unknown flag ${brief(unknown)}${near ? `: did you mean ${near}?` : ''}`);
  }
  const { least = 0, most = least, names = 'words' } = words;
  const { length } = read.positionals;
  if (length < least) throw new UsageError(`${names} missing`);
  if (length > most) throw new UsageError(`"${brief(read.positionals[most]!)}" is one word too many`);
  return { flags: read.values as Read<F>['flags'], rest: read.positionals };
}

/** What the NATS client throws where nobody answered. */
export const SILENCE: ReadonlySet<string> = new Set(['TimeoutError', 'NoRespondersError']);
