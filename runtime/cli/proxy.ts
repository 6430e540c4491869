import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isId } from '../../transport/subjects.ts';
import { sayAnswer, withOperator, type Operator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { findProxy, listProxies, type ProxyRow } from '../read-model/queries/proxies.ts';
import { fittedTable, type Cell } from '../terminal/fitted-table.ts';
import { agoText } from '../terminal/read-time.ts';
import type { Screen, Tone } from '../terminal/screen.ts';
import { brief, harmless, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'proxy';
export const summary = 'list proxies, add one, look through it, remove it';
export const words = ['list', 'add', 'check', 'remove'] as const;
export const usage = `Usage: troupe proxy list [--json]
       troupe proxy add URL [--name N] [--id ID] [--every MINUTES] [--password-file FILE] [--json]
       troupe proxy check ID… [--worker W] [--json]
       troupe proxy remove ID [--confirm] [--json]

URL is like http://user@proxy.example:8080, https://… or socks5://…; its password comes from a file, - is standard input.
  check           waits until it has been looked through; exit code 1 when one fails
  --confirm       remove it although accounts go by it: they go on without one
  --every         minutes between two checks, 10 when absent, 0 for none`;

const json = { json: { type: 'boolean' } } as const;
const text = { type: 'string' } as const;
const PATIENCE = 90_000;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  switch (verb) {
    case 'list':
      return list(more, ctx);
    case 'add':
      return add(more, ctx);
    case 'check':
      return check(more, ctx);
    case 'remove':
      return remove(more, ctx);
    default:
      throw new UsageError(`say what to do: troupe proxy ${words.join('|')}`);
  }
}

async function list(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, json);
  return withOperator(ctx, async (operator) => {
    const rows = listProxies(await viewFromJournal(operator.nc, ['proxy', 'account', 'worker']));
    if (flags.json) ctx.out(JSON.stringify({ proxies: rows.map(asJson) }, null, 2));
    else if (rows.length === 0) ctx.out('there are no proxies: troupe proxy add adds one');
    else {
      const screen = screenOf(ctx);
      for (const line of proxyTable(screen, rows, Date.now())) screen.line(line);
    }
    return 0;
  });
}

const TONES: Record<string, Tone> = { healthy: 'good', failing: 'bad', disabled: 'dim', unknown: 'warn' };
const proxyTable = (screen: Screen, rows: ProxyRow[], now: number): string[] =>
  fittedTable(screen, [{ head: 'PROXY', least: 10 }, { head: 'STATE' }, { head: 'ADDRESS', least: 14 }, { head: 'MS' }, { head: 'EXIT', least: 8 }, { head: 'ACCOUNTS' }, { head: 'CHECKED' }, { head: 'WHY', least: 8 }],
    rows.map((p): Cell[] => [p.name === p.id ? p.id : `${p.id} (${p.name})`, { text: p.status, tone: TONES[p.status] ?? null }, `${p.protocol}://${p.server}`, p.last?.ms == null ? null : String(p.last.ms), p.last?.exit ?? null, String(p.accounts), p.last ? agoText(p.last.at, now) : null, { text: p.last?.error ?? p.waiting, tone: p.last?.error ? 'bad' : 'warn' }]));

async function add(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...json, name: text, id: text, every: text, 'password-file': text }, { least: 1, most: 1, names: 'the address of a proxy is' });
  const address = /^(https?|socks5):\/\//.test(rest[0]!) && URL.canParse(rest[0]!) ? new URL(rest[0]!) : null;
  const port = address && (/:(\d{1,5})\/?$/.exec(rest[0]!)?.[1] ?? '');
  if (!address || !port) throw new UsageError(`"${brief(rest[0]!)}" is no address of a proxy: use http://, https:// or socks5:// with a host and a port`);
  if (address.password) throw new UsageError('a password does not belong on a command line: put it into a file and say --password-file FILE, or - for standard input');
  if (flags.id !== undefined && !isId(flags.id)) throw new UsageError(`--id "${brief(flags.id)}": must be 1 to 63 of a-z, 0-9 and hyphens`);
  if (flags.every !== undefined && !/^\d{1,4}$/.test(flags.every)) throw new UsageError(`--every "${brief(flags.every)}": must be minutes, 0 to 1440`);
  const password = flags['password-file'] === undefined ? null : secretFrom(flags['password-file']);
  const id = flags.id ?? `p${randomBytes(5).toString('hex')}`;
  const fields = { name: flags.name ?? address.hostname, protocol: address.protocol.slice(0, -1), server: `${address.hostname}:${port}`, username: decodeURIComponent(address.username) || null, password, ...(flags.every === undefined ? {} : { checkEvery: Number(flags.every) }) };
  return withOperator(ctx, (operator) => command(operator, ctx, id, 'create', fields, flags.json === true, `proxy ${id} is added and being checked; troupe proxy list shows how it does`));
}

function secretFrom(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`--password-file ${brief(file)} can't be read: ${(error as Error).message}`);
  }
}

async function check(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...json, worker: text }, { least: 1, most: 100, names: 'the id of a proxy is' });
  ids(rest);
  if (flags.worker !== undefined) ids([flags.worker]);
  return withOperator(ctx, async (operator) => {
    let worst = 0;
    for (const id of rest) {
      const before = findProxy(await viewFromJournal(operator.nc, ['proxy']), id);
      const answer = await operator.command({ kind: 'proxy', id }, 'check', flags.worker === undefined ? {} : { worker: flags.worker });
      // One that is being looked through already ends the same way.
      if (!answer.ok && !(answer.code === 'conflict' && before?.checking)) {
        ctx.err(`troupe: ${answer.message}`);
        worst = 1;
        continue;
      }
      const after = await settled(operator, id, before?.last?.at ?? 0);
      if (flags.json) ctx.out(JSON.stringify(after ? asJson(after) : { id, status: 'unknown' }));
      else if (!after) ctx.err(`troupe: ${id} is still being looked through`);
      else if (after.waiting !== null) ctx.err(`troupe: ${id}: ${harmless(after.waiting)}`);
      else if (after.last!.ok) ctx.out(`${id} works: ${after.last!.ms} ms, out at ${after.last!.exit ?? 'an address that was not said'}`);
      else ctx.err(`troupe: ${id} fails: ${harmless(after.last!.error ?? '')}`);
      if (!after || after.waiting !== null || !after.last!.ok) worst = 1;
    }
    return worst;
  });
}

/** The proxy once its check is over. */
async function settled(operator: Operator, id: string, since: number): Promise<ProxyRow | null> {
  for (const until = performance.now() + PATIENCE; performance.now() < until; await delay(300)) {
    const p = findProxy(await viewFromJournal(operator.nc, ['proxy']), id);
    if (p && !p.checking && ((p.last?.at ?? 0) > since || p.waiting !== null)) return p;
  }
  return null;
}

async function remove(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...json, confirm: { type: 'boolean' } }, { least: 1, most: 1, names: 'the id of a proxy is' });
  ids(rest);
  return withOperator(ctx, (operator) => command(operator, ctx, rest[0]!, 'remove', flags.confirm ? { confirm: true } : {}, flags.json === true, `proxy ${rest[0]} is removed`));
}

async function command(operator: Operator, ctx: VerbContext, id: string, verb: string, payload: object, asked: boolean, said: string): Promise<number> {
  return sayAnswer(ctx, { id, ...(await operator.command({ kind: 'proxy', id }, verb, payload)) }, asked, said);
}

function ids(rest: string[]): void {
  for (const id of rest) if (!isId(id)) throw new UsageError(`"${brief(id)}" is no id: must be 1 to 63 of a-z, 0-9 and hyphens`);
}

const asJson = (p: ProxyRow): Record<string, unknown> => ({ id: p.id, name: p.name, protocol: p.protocol, server: p.server, username: p.username, has_password: p.hasPassword, status: p.status, check_every: p.checkEvery, last_check: p.last && { at: new Date(p.last.at).toISOString(), ok: p.last.ok, latency_ms: p.last.ms, exit_address: p.last.exit, error: p.last.error }, waiting: p.waiting, accounts: p.accounts });
