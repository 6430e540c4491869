import { describe, expect, it } from 'vitest';
import { COLUMNS, exportAccounts, FileFault, planImport, type Known } from '../../runtime/accounts/account-file.ts';
import { parseCsv, toCsv } from '../../runtime/accounts/csv.ts';
import type { AccountRow } from '../../runtime/read-model/queries/accounts.ts';

const account = (id: string, more: Partial<AccountRow> = {}): AccountRow => ({
  id, platform: 'sandbox', name: `Shop ${id}`, accountId: null, userInfo: null, status: 'active', loginStatus: 'logged_in', activity: 'monitoring', reason: null, loginSession: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: [23, 7], maxLength: null }, lastLoginTime: null, cookiesValidUntil: null,
  worker: null, leaseState: 'held', epoch: 1, group: null, previous: null, movedReason: null, pinned: null, monitorState: null, nextRoundMs: null, lastRound: null, createdAt: 1, updatedAt: 1, unread: 0, proxyId: 'p1', tags: ['vip', '女装'], archived: false, checkEvery: 60, lastCheck: null, noticeHours: 24, approve: false, remaking: false, fingerprint: { secret: 1 }, ...more,
});
const known: Known = { accounts: [account('a1'), account('a2', { name: '=cmd|"x"', accountId: 'sb-2', tags: [] })], proxies: [{ id: 'p1', name: '上海 1 号' }, { id: 'p2', name: 'B' }], platforms: ['sandbox', 'douyin'] };
const plan = (text: string) => planImport(text, 'csv', known);

describe('a table', () => {
  it.each([
    ['a,b\n1,2\n', [['a', 'b'], ['1', '2']]],
    ['\uFEFFa;b\r\n"x;y";" z "\r\n\r\n', [['a', 'b'], ['x;y', ' z ']]],
    ['a,b\n"two\nlines","say ""hi"""\n3,', [['a', 'b'], ['two\nlines', 'say "hi"'], ['3', '']]],
  ])('%j', (text, rows) => expect(parseCsv(text).map((r) => r.cells)).toEqual(rows));
  it('knows the line of each row, and of what is wrong', () => {
    expect(parseCsv('a\n"x\ny"\nz').map((r) => r.line)).toEqual([1, 2, 4]);
    expect(() => parseCsv('a\n"open')).toThrow('never closed');
    expect(() => parseCsv('a\n"x"y')).toThrow('behind a closing quote');
  });
  it('gives back what it was made of', () => {
    const rows = [['a,b', ' c', 'd"e', 'f\r\ng', '', '=1+1', '中文']];
    expect(parseCsv(toCsv(rows))[0]!.cells).toEqual(['a,b', ' c', 'd"e', 'f\r\ng', '', "'=1+1", '中文']);
  });
});

describe('an import', () => {
  it('makes new accounts, changes known ones by their id, and leaves alone what is the same', () => {
    const rows = plan('id,platform,name,tags,proxy,monitor_interval,quiet_from,quiet_to\n,douyin,新店,vip;夏,B,30,22,6\na1,,Renamed,,,20,23,7\na2,sandbox,,,p1,,23,7\n');
    expect(rows.map((r) => [r.line, r.what, r.id])).toEqual([[2, 'create', null], [3, 'update', 'a1'], [4, 'same', 'a2']]);
    expect(rows[0]!.payload).toEqual({ platform: 'douyin', name: '新店', tags: ['vip', '夏'], proxyId: 'p2', monitorInterval: 30, limits: { perMinute: 6, perHour: 60, quiet: [22, 6], maxLength: null } });
    expect(rows[1]!.payload).toEqual({ name: 'Renamed', tags: [], proxyId: null });
  });
  it.each([
    ['name\nX', 'platform', 'is required'],
    ['platform\nsandbox', 'name', 'is required'],
    ['platform,name\nnowhere,X', 'platform', 'there is no platform nowhere'],
    ['platform,name,proxy\nsandbox,X,p9', 'proxy', 'there is no proxy p9'],
    ['platform,name,monitor_interval\nsandbox,X,soon', 'monitor_interval', 'number'],
    ['platform,name,monitor_interval\nsandbox,X,1', 'monitor_interval', '>=5'],
    ['platform,name,quiet_from\nsandbox,X,22', 'quiet_to', 'give both'],
    ['platform,name,group\nsandbox,X,Not A Group', 'group', 'must be a group'],
    ['platform,name\nsandbox,Shop a1', 'name', 'account a1 is the same'],
    ['platform,name,account_id\nsandbox,X,sb-2', 'account_id', 'account a2 is the same'],
    ['id,platform\na1,douyin', 'platform', "can't be changed"],
    ['platform,name\nsandbox,X\nsandbox,X', 'name', 'row 2 is the same account'],
  ])('names line, field and reason: %j', (text, field, message) => {
    const row = plan(text).at(-1)!;
    expect(row.what).toBe('bad');
    expect(row.line).toBe(text.split('\n').length);
    expect(row.errors).toContainEqual({ field, message: expect.stringContaining(message) });
  });
  it('says what is wrong with the whole', () => {
    expect(() => plan('')).toThrow(FileFault);
    expect(() => plan('platform,nickname\n')).toThrow('line 1: there is no column "nickname"');
    expect(() => plan('name,name\n')).toThrow('twice');
    expect(() => planImport('{"a":1}', 'json', known)).toThrow('must be a list');
    expect(() => planImport('{', 'json', known)).toThrow(FileFault);
    expect(() => plan(`name\n${'x\n'.repeat(1001)}`)).toThrow('1000 at once');
  });
  it('takes JSON with the same names, and knows a field that is none', () => {
    const rows = planImport(JSON.stringify([{ platform: 'sandbox', name: 'J', tags: ['a'], approve_replies: true }, { platform: 'sandbox', name: 'K', password: 'x' }, 7]), 'json', known);
    expect(rows.map((r) => r.what)).toEqual(['create', 'bad', 'bad']);
    expect(rows[0]!.payload).toMatchObject({ tags: ['a'], approve: true });
    expect(rows[1]!.errors[0]!.message).toBe('password: no such field');
  });
});

describe('an export', () => {
  it.each(['csv', 'json'] as const)('as %s comes back as no change, and holds no secret', (format) => {
    const text = exportAccounts(known.accounts, format);
    expect(planImport(text, format, known).map((r) => r.what)).toEqual(['same', 'same']);
    expect(text).not.toContain('secret');
    if (format === 'csv') expect(text.split('\r\n')[0]).toBe(COLUMNS.join(','));
  });
});
