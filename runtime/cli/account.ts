import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadPlatforms } from '../../platforms/load.ts';
import { exportAccounts, FileFault, planImport, type FileFormat, type ImportRow } from '../accounts/account-file.ts';
import { sayAnswer, withOperator, type Operator } from '../operator.ts';
import { listAccounts, type AccountAsk, type AccountRow } from '../read-model/queries/accounts.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { proxyNames } from '../read-model/queries/proxies.ts';
import { fittedTable, type Cell } from '../terminal/fitted-table.ts';
import { agoText } from '../terminal/read-time.ts';
import type { Screen, Tone } from '../terminal/screen.ts';
import { brief, harmless, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'account';
export const summary = 'list accounts, add one, import and export them';
export const words = ['list', 'add', 'import', 'export'] as const;
export const usage = `Usage: troupe account list [--tag T] [--group G] [--platform P] [--archived] [--json]
       troupe account add PLATFORM NAME [--group G] [--tags A,B] [--proxy ID] [--json]
       troupe account import FILE [--dry-run] [--skip-bad] [--json]
       troupe account export [FILE] [--format csv|json] [--tag T] [--group G]

A file is CSV or JSON by its name; - is standard input. Rows without an id are new accounts, rows with a known one change it.
  --dry-run       says what would happen, row by row, and does nothing
  --skip-bad      imports the good rows although others are bad; without it one bad row stops all
Exports hold no session, no fingerprint and no password.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  switch (verb) {
    case 'list':
      return list(more, ctx);
    case 'add':
      return add(more, ctx);
    case 'import':
      return importFile(more, ctx);
    case 'export':
      return exportFile(more, ctx);
    default:
      throw new UsageError(`say what to do: troupe account ${words.join('|')}`);
  }
}

const view = async (operator: Operator) => viewFromJournal(operator.nc, ['account', 'monitor', 'proxy', 'worker']);
const askOf = (flags: { tag?: string; group?: string; platform?: string; archived?: boolean }): AccountAsk => ({ tag: flags.tag, group: flags.group, platform: flags.platform, archived: flags.archived ?? false });

async function list(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { tag: text, group: text, platform: text, archived: flag, json: flag });
  return withOperator(ctx, async (operator) => {
    const rows = listAccounts(await view(operator), { ...askOf(flags), limit: 100_000 });
    if (flags.json) ctx.out(JSON.stringify({ accounts: rows.map(asJson) }, null, 2));
    else if (rows.length === 0) ctx.out(flags.tag || flags.group || flags.platform ? 'no account fits' : 'there are no accounts: troupe account add adds one');
    else {
      const screen = screenOf(ctx);
      for (const line of accountTable(screen, rows, Date.now())) screen.line(line);
    }
    return 0;
  });
}

const TONES: Record<string, Tone> = { logged_in: 'good', logging_in: 'busy', expired: 'warn', login_failed: 'bad', not_logged_in: 'dim' };

function accountTable(screen: Screen, rows: AccountRow[], now: number): string[] {
  return fittedTable(screen, [{ head: 'ACCOUNT', least: 12 }, { head: 'PLATFORM' }, { head: 'SESSION' }, { head: 'ENDS' }, { head: 'DOES' }, { head: 'WORKER', least: 8 }, { head: 'GROUP' }, { head: 'TAGS', least: 6 }, { head: 'WHY', least: 8 }],
    rows.map((a): Cell[] => [`${a.id} (${a.name})`, a.platform, { text: a.loginStatus, tone: TONES[a.loginStatus] ?? null }, a.cookiesValidUntil === null ? null : agoText(a.cookiesValidUntil * 1000, now), a.archived ? 'archived' : a.activity, a.worker, a.group ?? 'default', a.tags.join(', ') || null, { text: a.lastRound?.error ?? a.reason, tone: 'bad' }]));
}

const asJson = (a: AccountRow): Record<string, unknown> => ({ id: a.id, platform: a.platform, name: a.name, account_id: a.accountId, login_status: a.loginStatus, activity: a.activity, archived: a.archived, reason: a.reason, valid_until: a.cookiesValidUntil === null ? null : new Date(a.cookiesValidUntil * 1000).toISOString(), worker: a.worker, group: a.group, tags: a.tags, proxy: a.proxyId, last_round: a.lastRound });

async function add(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { group: text, tags: text, proxy: text, json: flag }, { least: 2, most: 2, names: 'the platform and the name of an account are' });
  const id = `a${randomBytes(5).toString('hex')}`;
  const fields = { platform: rest[0], name: rest[1], ...(flags.group ? { group: flags.group } : {}), ...(flags.proxy ? { proxyId: flags.proxy } : {}), ...(flags.tags ? { tags: flags.tags.split(',').map((t) => t.trim()).filter(Boolean) } : {}) };
  return withOperator(ctx, async (operator) => {
    const answer = await operator.command({ kind: 'account', id }, 'create', fields);
    return sayAnswer(ctx, { id, ...answer }, flags.json === true, `account ${id} is added; log it in on its page`);
  });
}

async function importFile(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { 'dry-run': flag, 'skip-bad': flag, json: flag }, { least: 1, most: 1, names: 'the file is' });
  const content = contentOf(rest[0]!);
  const format: FileFormat = /\.json$/i.test(rest[0]!) || (rest[0] === '-' && /^\s*[[{]/.test(content)) ? 'json' : 'csv';
  const platforms = (await loadPlatforms()).filter((p) => p.ok).map((p) => p.id);
  return withOperator(ctx, async (operator) => {
    const db = await view(operator);
    let rows: ImportRow[];
    try {
      rows = planImport(content, format, { accounts: listAccounts(db, { archived: null, limit: 100_000 }), proxies: proxyNames(db), platforms });
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      ctx.err(`troupe: ${harmless(error.message)}`);
      return 1;
    }
    const bad = rows.filter((r) => r.what === 'bad');
    const stop = flags['dry-run'] === true || (bad.length > 0 && !flags['skip-bad']);
    const refused = stop ? new Map<ImportRow, string>() : await carryOut(operator, rows);
    tell(ctx, rows, refused, { json: flags.json === true, dry: flags['dry-run'] === true, stop });
    return bad.length > 0 && !flags['skip-bad'] ? 1 : refused.size > 0 ? 1 : 0;
  });
}

async function carryOut(operator: Operator, rows: ImportRow[]): Promise<Map<ImportRow, string>> {
  const refused = new Map<ImportRow, string>();
  for (const row of rows) {
    if (row.what !== 'create' && row.what !== 'update') continue;
    row.id ??= `a${randomBytes(5).toString('hex')}`;
    const answer = await operator.command({ kind: 'account', id: row.id }, row.what, row.payload);
    if (!answer.ok) refused.set(row, String(answer.message));
  }
  return refused;
}

function tell(ctx: VerbContext, rows: ImportRow[], refused: Map<ImportRow, string>, how: { json: boolean; dry: boolean; stop: boolean }): void {
  const n = (what: string) => rows.filter((r) => r.what === what && !refused.has(r)).length;
  if (how.json) {
    ctx.out(JSON.stringify({ dry_run: how.dry, done: !how.stop, created: n('create'), updated: n('update'), unchanged: n('same'), bad: n('bad'), failed: refused.size, rows: rows.map((r) => ({ line: r.line, what: r.what, id: r.id, name: r.name, errors: r.errors, error: refused.get(r) ?? null })) }, null, 2));
    return;
  }
  for (const r of rows) for (const e of r.errors) ctx.err(harmless(`line ${r.line}: ${e.field ? `${e.field}: ` : ''}${e.message}`));
  for (const [r, why] of refused) ctx.err(harmless(`line ${r.line}: ${why}`));
  const would = how.dry ? 'would be ' : '';
  if (how.stop && !how.dry) ctx.err(`troupe: ${n('bad')} rows are bad: nothing was imported; mend them, or say --skip-bad`);
  else ctx.out(`${n('create')} ${would}created, ${n('update')} ${would}changed, ${n('same')} unchanged${n('bad') > 0 ? `, ${n('bad')} bad` : ''}${refused.size > 0 ? `, ${refused.size} refused` : ''}`);
}

async function exportFile(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { format: text, tag: text, group: text, archived: flag }, { most: 1, names: 'one file at most is' });
  const file = rest[0];
  const format = flags.format ?? (file && /\.json$/i.test(file) ? 'json' : 'csv');
  if (format !== 'csv' && format !== 'json') throw new UsageError(`--format "${brief(format)}": csv or json`);
  return withOperator(ctx, async (operator) => {
    const rows = listAccounts(await view(operator), { ...askOf(flags), limit: 100_000 });
    const content = exportAccounts(rows, format);
    if (file === undefined || file === '-') ctx.out(content.trimEnd().replaceAll('\r\n', '\n'));
    else {
      writeFileSync(file, content, { mode: 0o600 });
      ctx.out(`${rows.length} accounts are in ${file}`);
    }
    return 0;
  });
}

function contentOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${brief(file)} can't be read: ${(error as Error).message}`);
  }
}
