import { z } from 'zod';
import { accountFields } from '../../actors/account.ts';
import { ID } from '../../transport/subjects.ts';
import type { AccountRow } from '../read-model/queries/accounts.ts';
import { BadJson, parseStrict } from '../strict-json.ts';
import { CsvFault, parseCsv, textOf, toCsv } from './csv.ts';

export type FileFormat = 'csv' | 'json';
/** What one row would do. `line` is its line in a CSV, its place in a JSON list from 1. */
export type ImportRow = { line: number; what: 'create' | 'update' | 'same' | 'bad'; id: string | null; name: string; payload: Record<string, unknown>; errors: { field: string | null; message: string }[] };
export type Known = { accounts: AccountRow[]; proxies: { id: string; name: string }[]; platforms: readonly string[] };

/** The columns of a file, in their order. Nothing in it is secret. */
export const COLUMNS = ['id', 'platform', 'name', 'account_id', 'group', 'tags', 'proxy', 'monitor_interval', 'check_every', 'notice_hours', 'per_minute', 'per_hour', 'quiet_from', 'quiet_to', 'max_length', 'approve_replies'] as const;
type Column = (typeof COLUMNS)[number];
const MOST = 1000;

/** The file as a whole can't be read. */
export class FileFault extends Error {
  readonly line: number | null;
  constructor(message: string, line: number | null = null) {
    super(line === null ? message : `line ${line}: ${message}`);
    this.name = 'FileFault';
    this.line = line;
  }
}

type Raw = { line: number; values: Partial<Record<Column, unknown>>; odd: string[] };

const NUMBERS: readonly Column[] = ['monitor_interval', 'check_every', 'notice_hours', 'per_minute', 'per_hour', 'quiet_from', 'quiet_to', 'max_length'];
const EMPTY_IS_NULL: readonly Column[] = ['account_id', 'group', 'proxy', 'quiet_from', 'quiet_to', 'max_length'];

function fromCsv(text: string): Raw[] {
  let rows;
  try {
    rows = parseCsv(text);
  } catch (error) {
    if (error instanceof CsvFault) throw new FileFault(error.message, error.line);
    throw error;
  }
  const [head, ...body] = rows;
  if (!head) throw new FileFault(`the file is empty: its first line names the columns, like ${COLUMNS.slice(0, 3).join(',')}`);
  const names = head.cells.map((c) => c.trim().toLowerCase());
  const unknown = names.find((n) => !(COLUMNS as readonly string[]).includes(n));
  if (unknown !== undefined) throw new FileFault(`there is no column "${unknown.slice(0, 60)}": there are ${COLUMNS.join(', ')}`, head.line);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new FileFault(`the column ${twice} is there twice`, head.line);
  return body.map(({ line, cells }) => {
    const values: Raw['values'] = {};
    for (const [i, name] of (names as Column[]).entries()) {
      const cell = textOf(cells[i] ?? '');
      if (cell === '') {
        // An empty cell of a known account leaves alone what can't be empty.
        if (EMPTY_IS_NULL.includes(name)) values[name] = null;
        else if (name === 'tags') values[name] = [];
      } else if (name === 'tags') values[name] = cell.split(/[;|]/).map((t) => t.trim()).filter(Boolean);
      else if (NUMBERS.includes(name)) values[name] = /^-?\d+$/.test(cell) ? Number(cell) : cell;
      else if (name === 'approve_replies') values[name] = /^(1|true|yes)$/i.test(cell) ? true : /^(0|false|no)$/i.test(cell) ? false : cell;
      else values[name] = cell;
    }
    return { line, values, odd: cells.length > names.length ? [`has ${cells.length} cells, and the first line ${names.length}`] : [] };
  });
}

function fromJson(text: string): Raw[] {
  let value: unknown;
  try {
    value = parseStrict(text);
  } catch (error) {
    if (error instanceof BadJson) throw new FileFault(error.message);
    throw error;
  }
  const list = Array.isArray(value) ? value : (value as { accounts?: unknown } | null)?.accounts;
  if (!Array.isArray(list)) throw new FileFault('must be a list of accounts, or {"accounts": [...]}');
  return list.map((one, i) => {
    if (one === null || typeof one !== 'object' || Array.isArray(one)) return { line: i + 1, values: {}, odd: ['is no object'] };
    const values = one as Record<string, unknown>;
    const unknown = Object.keys(values).find((k) => !(COLUMNS as readonly string[]).includes(k));
    return { line: i + 1, values: values as Raw['values'], odd: unknown === undefined ? [] : [`${unknown.slice(0, 60)}: no such field`] };
  });
}

const id = z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens');
const hour = z.number().int().min(0).max(24);
const row = z.strictObject({
  id: id.optional(), platform: z.string().optional(), name: accountFields.name.optional(), account_id: accountFields.platformAccount.optional(), group: accountFields.group.optional(), tags: accountFields.tags.optional(), proxy: z.string().nullable().optional(),
  monitor_interval: accountFields.monitorInterval.optional(), check_every: accountFields.checkEvery.optional(), notice_hours: accountFields.noticeHours.optional(),
  per_minute: z.number().int().min(1).max(600).optional(), per_hour: z.number().int().min(1).max(10_000).optional(), quiet_from: hour.nullable().optional(), quiet_to: hour.nullable().optional(), max_length: z.number().int().min(1).max(100_000).nullable().optional(), approve_replies: accountFields.approve.optional(),
});

/** What a file would do, row by row; nothing is done. Throws FileFault where it can't be read as a whole. */
export function planImport(text: string, format: FileFormat, known: Known): ImportRow[] {
  const raw = format === 'csv' ? fromCsv(text) : fromJson(text);
  if (raw.length > MOST) throw new FileFault(`it has ${raw.length} rows: ${MOST} at once at most`);
  const byId = new Map(known.accounts.map((a) => [a.id, a]));
  const taken = new Map<string, number>();
  return raw.map((r) => planRow(r, byId, taken, known));
}

function planRow({ line, values, odd }: Raw, byId: Map<string, AccountRow>, taken: Map<string, number>, known: Known): ImportRow {
  const errors: ImportRow['errors'] = odd.map((message) => ({ field: null, message }));
  const read = row.safeParse(values);
  if (!read.success && odd.length === 0) for (const i of read.error.issues.slice(0, 5)) errors.push({ field: String(i.path[0] ?? '') || null, message: i.message });
  const named = typeof values.name === 'string' ? values.name : '';
  const given = typeof values.id === 'string' ? values.id : null;
  const bad = (): ImportRow => ({ line, what: 'bad', id: given, name: named.slice(0, 100), payload: {}, errors });
  if (!read.success) return bad();
  const v = read.data;
  const there = v.id === undefined ? undefined : byId.get(v.id);
  const proxy = v.proxy ? known.proxies.find((p) => p.id === v.proxy || p.name === v.proxy) : null;
  if (v.proxy && !proxy) errors.push({ field: 'proxy', message: `there is no proxy ${v.proxy.slice(0, 60)}` });
  if ((v.quiet_from ?? null) === null !== ((v.quiet_to ?? null) === null)) errors.push({ field: 'quiet_to', message: 'quiet hours have a beginning and an end: give both, or none' });
  if (there && v.platform !== undefined && v.platform !== there.platform) errors.push({ field: 'platform', message: `account ${there.id} is on ${there.platform}: that can't be changed` });
  if (!there) {
    if (v.platform === undefined) errors.push({ field: 'platform', message: 'is required' });
    else if (!known.platforms.includes(v.platform)) errors.push({ field: 'platform', message: `there is no platform ${v.platform.slice(0, 40)}: there are ${known.platforms.join(', ')}` });
    if (v.name === undefined) errors.push({ field: 'name', message: 'is required' });
    const twin = known.accounts.find((a) => a.platform === v.platform && (v.account_id ? a.accountId === v.account_id : a.name === v.name));
    if (twin) errors.push({ field: v.account_id ? 'account_id' : 'name', message: `account ${twin.id} is the same: give its id to change it` });
  }
  const key = there ? `id ${there.id}` : `${v.platform} ${v.account_id ?? v.name}`;
  const before = taken.get(key);
  if (before !== undefined) errors.push({ field: there ? 'id' : 'name', message: `row ${before} is the same account` });
  taken.set(key, line);
  if (errors.length > 0) return bad();
  const payload = there ? changesOf(there, v, proxy?.id ?? null) : { platform: v.platform, ...fieldsOf(v, proxy?.id ?? null) };
  return { line, what: !there ? 'create' : Object.keys(payload).length === 0 ? 'same' : 'update', id: v.id ?? null, name: v.name ?? there!.name, payload, errors };
}

type Values = z.output<typeof row>;
const given = (fields: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

function fieldsOf(v: Values, proxy: string | null, was: AccountRow['limits'] = { perMinute: 6, perHour: 60, quiet: null, maxLength: null }): Record<string, unknown> {
  const quiet = v.quiet_from === undefined ? was.quiet : v.quiet_from === null || v.quiet_to == null ? null : [v.quiet_from % 24, v.quiet_to % 24];
  const limits = { perMinute: v.per_minute ?? was.perMinute, perHour: v.per_hour ?? was.perHour, quiet, maxLength: v.max_length === undefined ? was.maxLength : v.max_length };
  const touched = [v.per_minute, v.per_hour, v.quiet_from, v.max_length].some((x) => x !== undefined);
  return given({ name: v.name, platformAccount: v.account_id, group: v.group, tags: v.tags, proxyId: v.proxy === undefined ? undefined : proxy, monitorInterval: v.monitor_interval, checkEvery: v.check_every, noticeHours: v.notice_hours, approve: v.approve_replies, limits: touched ? limits : undefined });
}

/** Only what is other than before. */
function changesOf(a: AccountRow, v: Values, proxy: string | null): Record<string, unknown> {
  const was: Record<string, unknown> = { name: a.name, platformAccount: a.accountId, group: a.group, tags: a.tags, proxyId: a.proxyId, monitorInterval: a.monitorInterval, checkEvery: a.checkEvery, noticeHours: a.noticeHours, approve: a.approve, limits: a.limits };
  const same = (x: unknown, y: unknown) => JSON.stringify(x) === JSON.stringify(y);
  const ordered = (l: unknown) => (l === null || typeof l !== 'object' || Array.isArray(l) ? l : Object.fromEntries(Object.entries(l).sort()));
  return Object.fromEntries(Object.entries(fieldsOf(v, proxy, a.limits)).filter(([name, value]) => !same(ordered(value), ordered(was[name]))));
}

const valuesOf = (a: AccountRow): Record<Column, string | number | boolean | null | string[]> => ({
  id: a.id, platform: a.platform, name: a.name, account_id: a.accountId, group: a.group, tags: a.tags, proxy: a.proxyId, monitor_interval: a.monitorInterval, check_every: a.checkEvery, notice_hours: a.noticeHours, per_minute: a.limits.perMinute, per_hour: a.limits.perHour,
  quiet_from: a.limits.quiet?.[0] ?? null, quiet_to: a.limits.quiet?.[1] ?? null, max_length: a.limits.maxLength, approve_replies: a.approve,
});

/** Accounts as a file that the import takes back: no session, no fingerprint, no password. */
export function exportAccounts(rows: AccountRow[], format: FileFormat): string {
  const all = rows.map(valuesOf);
  if (format === 'json') return `${JSON.stringify({ accounts: all }, null, 2)}\n`;
  return toCsv([[...COLUMNS], ...all.map((v) => COLUMNS.map((c) => (Array.isArray(v[c]) ? v[c].join(';') : v[c])))]);
}
