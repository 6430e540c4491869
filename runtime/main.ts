import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, type Config } from './config.ts';
import { withUsableFolder } from './data-folder.ts';
import { nearest } from './nearest.ts';
import { packageRoot } from './package-root.ts';
import { screenOf } from './terminal/screen.ts';
import { brief, harmless, SILENCE, UsageError, type VerbContext } from './verb.ts';
import { loadVerb, verbNames } from './verbs.ts';

async function help(): Promise<string> {
  const verbs = await Promise.all(verbNames().map(loadVerb));
  const width = Math.max(...verbs.map((v) => v.name.length));
  const rows = verbs.map((v) => `  ${v.name.padEnd(width)}  ${v.summary}`);
  return ['Troupe: fleets of browser workers for social-media accounts.', '', 'Usage: troupe <verb> [flags]', '', ...rows, '', 'troupe <verb> --help tells more. Settings come from the environment and from .env.'].join('\n');
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/** Runs one command line; gives the exit code. */
export async function main(argv: string[], ctx: VerbContext): Promise<number> {
  const [word, ...args] = argv;
  if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
    ctx.out(await help());
    return word === undefined ? 2 : 0;
  }
  if (word === '--version' || word === '-v') {
    ctx.out(version());
    return 0;
  }
  try {
    const names = verbNames();
    if (!names.includes(word)) {
      const near = nearest(word, names);
      throw new UsageError(`unknown command "${brief(word)}"${near ? `: did you mean ${near}?` : ''}; troupe --help lists them`);
    }
    const verb = await loadVerb(word);
    const end = args.indexOf('--');
    if ((end < 0 ? args : args.slice(0, end)).some((a) => a === '--help' || a === '-h')) {
      ctx.out(verb.usage);
      return 0;
    }
    return await verb.run(args, ctx);
  } catch (error) {
    const e = SILENCE.has((error as Error).name) ? silent() : (error as Error & { exitCode?: number; lines?: string[] });
    for (const line of e.lines ?? e.message.split('\n')) ctx.err(`troupe: ${short(line)}`);
    if (e.exitCode === undefined && ctx.env['LOG_LEVEL'] === 'debug') ctx.err(e.stack ?? '');
    return e.exitCode ?? 1;
  }
}

/** What the client says is `timeout`, and nothing else. */
const silent = (): Error & { exitCode: number; lines?: string[] } => Object.assign(new Error('NATS did not answer in time: one of its servers may just have been lost. Ask again; what was asked for may have been done'), { exitCode: 69 });

/** A fault may quote whatever it was given; its end says what to do. */
const short = (line: string): string => (line.length > 600 ? `${line.slice(0, 400)} … ${line.slice(-150)}` : line);

function context(): VerbContext {
  let config: Config | null = null;
  return {
    env: process.env,
    config: () => (config ??= withUsableFolder(loadConfig(process.env))),
    screen: screenOf(process.stdout, process.env),
    out: (line) => void process.stdout.write(`${harmless(line)}\n`),
    err: (line) => void process.stderr.write(`${harmless(line)}\n`),
  };
}

if (process.argv[1] && existsSync(process.argv[1]) && realpathSync(process.argv[1]) === import.meta.filename) {
  // `troupe … | head` ends quietly; a part that runs is stopped in order, as by TERM.
  let leaving = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (leaving) return;
      leaving = true;
      const quiet = error.code === 'EPIPE';
      if (!quiet && stream === process.stdout) process.stderr.write(`troupe: what it prints can't be written: ${error.message}\n`);
      if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
      else process.exit(quiet ? 0 : 1);
    });
  }
  if (existsSync('.env')) process.loadEnvFile('.env');
  process.exitCode = await main(process.argv.slice(2), context());
  // What a verb left open (a connection that drains) must not hold the command line.
  process.stdout.write('', (error) => void ((!error || leaving) && process.exit()));
}
