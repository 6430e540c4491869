import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { taskFields } from '../../actors/task.ts';
import { agentTable } from '../../runtime/cli/agents.ts';
import { taskTable } from '../../runtime/cli/list.ts';
import { taskLines } from '../../runtime/cli/task.ts';
import { loadConfig } from '../../runtime/config.ts';
import { keyId } from '../../runtime/http/work/create-task.ts';
import { main } from '../../runtime/main.ts';
import type { TaskRow } from '../../runtime/read-model/queries/tasks.ts';
import { afterWords, readLabels, readTaskFlags } from '../../runtime/tasks/read-task-flags.ts';
import { cutTo, widthOf } from '../../runtime/terminal/cell-width.ts';
import { fittedTable } from '../../runtime/terminal/fitted-table.ts';
import { agoText, readMoment, readSpan, spanText } from '../../runtime/terminal/read-time.ts';
import { paint, screenOf, type Screen } from '../../runtime/terminal/screen.ts';
import { taskJson } from '../../runtime/terminal/task-shown.ts';
import { UsageError } from '../../runtime/verb.ts';

const NOW = Date.parse('2026-11-27T08:00:00Z');
const plain: Screen = { columns: null, colour: false, line: () => undefined };
const uncoloured = (line: string): string => line.replace(/\x1b\[\d+m/g, '');
const task = (more: Partial<TaskRow> = {}): TaskRow => ({
  id: 't1', seq: 12, title: 'Front page', description: '', type: 'automation', priority: 8, lane: 'high', group: 'linux', payload: {}, requirements: {}, timeoutMs: 60_000, status: 'running', progress: 0.4, why: null, worker: 'worker-1', agent: null, account: null, attempt: 1, maxAttempts: 4,
  retryMs: null, result: undefined, object: null, artefacts: [], errorKind: null, error: null, template: null, schedule: null, replayOf: null, replayedBy: null, after: [], atMs: null, key: null, by: 'operator:cli', createdMs: NOW - 125_000, assignedMs: NOW - 5_000, startedMs: NOW - 4_000, finishedMs: null, updatedMs: NOW, ...more,
});

async function cli(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const env = { NATS_URL: 'nats://127.0.0.1:1' };
  const code = await main(argv, { env, config: () => loadConfig(env), out: (l) => void out.push(l), err: (l) => void err.push(l) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('widths', () => {
  it('count what a terminal does', () => {
    for (const [text, width] of [['abc', 3], ['任务', 4], ['⏳', 2], ['▶✓✕', 3], ['é', 1], ['e\u0301', 1], ['👍', 2], ['한글', 4], ['ｱ', 1], ['', 0]] as const) expect(widthOf(text), text).toBe(width);
  });
  it('cut within them, never through a wide character', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…');
    expect(cutTo('任务列表', 8)).toBe('任务列表');
    expect(cutTo('任务列表', 7)).toBe('任务列…');
    expect(cutTo('任务列表', 6)).toBe('任务…');
    expect(cutTo('abc', 0)).toBe('');
    for (const text of ['任务abc列表def', 'plain words here']) for (let w = 1; w < 16; w++) expect(widthOf(cutTo(text, w))).toBeLessThanOrEqual(w);
  });
});

describe('a table', () => {
  const rows = [task({ title: '抓取首页并比较价格，然后截图保存到对象存储' }), task({ seq: 13, status: 'pending', worker: null, why: 'no worker of group gpu runs: start one', group: 'gpu' }), task({ seq: 14, status: 'failed', errorKind: 'exit-code', error: 'exit 3' }), task({ seq: 15, status: 'completed', title: 'x' })];
  it.each([24, 40, 60, 80, 120, 200])('fits %i columns, in Chinese too', (columns) => {
    const lines = taskTable({ ...plain, columns }, rows, NOW);
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    if (columns < 120) expect(lines.join()).toContain('…');
    if (columns > 60) expect(lines[2]).toContain('⏳ pending');
  });
  it('says state, group, executor and age with icons', () => {
    const [head, ...lines] = taskTable(plain, rows, NOW);
    expect(head).toMatch(/^# +STATE +TITLE +GROUP +EXECUTOR +CREATED +WHY$/);
    expect(lines[0]).toMatch(/^12 +▶ running 40% +抓取首页并比较价格，然后截图保存到对象存储 +linux +worker-1 +2 min ago +-$/);
    expect(lines[1]).toMatch(/^13 +⏳ pending .* gpu +- +2 min ago +no worker of group gpu runs: start one$/);
    expect(lines[2]).toMatch(/✕ failed .* exit 3$/);
    expect(lines[3]).toMatch(/✓ completed/);
  });
  it('stands in line with wide characters', () => {
    const at = taskTable(plain, rows, NOW).map((l) => widthOf(l.slice(0, l.search(/(GROUP|linux|gpu) /))));
    expect(new Set(at).size).toBe(1);
  });
  it('is coloured only for a terminal, never against NO_COLOR', () => {
    const coloured = taskTable({ ...plain, columns: 100, colour: true }, rows, NOW);
    expect(coloured[2]).toContain('\x1b[33m⏳ pending\x1b[0m');
    expect(coloured.map(uncoloured)).toEqual(taskTable({ ...plain, columns: 100 }, rows, NOW));
    expect(taskTable(plain, rows, NOW).join('')).not.toContain('\x1b');
    const to = (isTTY: boolean, env: Record<string, string>) => screenOf({ isTTY, columns: 90, write: () => undefined }, env);
    expect(to(true, { TERM: 'xterm' })).toMatchObject({ columns: 90, colour: true });
    expect(to(true, { NO_COLOR: '1' })).toMatchObject({ columns: 90, colour: false });
    expect(to(true, { TERM: 'dumb' }).colour).toBe(false);
    expect(to(false, {})).toMatchObject({ columns: null, colour: false });
    expect(paint({ colour: true }, 'good', '')).toBe('');
  });
  it('lets no cell move the cursor or colour itself', () => {
    const shown = fittedTable({ ...plain, colour: true }, [{ head: 'A', least: 4 }], [['\x1b[2J\x1b]0;x\x07\u202eevil\nline']]);
    expect(uncoloured(shown[1]!)).toBe('\\u001b[2J\\u001b]0;x\\u0007\\u202eevil line');
    expect(taskLines({ ...plain, colour: true }, task({ title: '\x1b[31mred', error: '\x1b[2J', errorKind: 'crashed' }), [], [{ id: 1, atMs: NOW, level: 'out', text: 'a\x1b[2Jb', step: null, attempt: 1 }], NOW).map(uncoloured).join('\n')).not.toContain('\x1b');
  });
  it('lists agents', () => {
    const row = { id: 'a1', name: 'a1', worker: 'worker-1', pinned: null, account: null, status: 'busy', why: null, group: 'default', url: 'https://example.org/', title: '示例', viewport: null, task: 't1', taskTitle: null, error: null, restarts: 0, retryMs: null, by: 'x', createdMs: NOW - 1000, updatedMs: NOW };
    expect(agentTable(plain, [row], NOW)[1]).toMatch(/^a1 +busy +worker-1 +default +t1 +示例 +1 s ago +-$/);
  });
});

it('shows a task in full, and the same keys as JSON always', () => {
  const done = task({ status: 'completed', result: { price: 3 }, finishedMs: NOW, key: 'k', replayOf: 't0', artefacts: [{ name: 'a.png', type: 'image/png', object: 'o', bytes: 7 }] });
  const lines = taskLines(plain, done, [{ attempt: 1, worker: 'worker-1', agent: null, startedMs: NOW - 4000, endedMs: NOW, outcome: 'completed', error: null }], [{ id: 1, atMs: NOW, level: 'info', text: 'step 1', step: 1, attempt: 1 }], NOW).join('\n');
  for (const piece of ['✓ completed  #12 Front page', 'took        4.0 s', 'linux, priority 8 (high)', '"price": 3', 'a.png  image/png  7 bytes', '08:00:00.000 step 1']) expect(lines).toContain(piece);
  const keys = Object.keys(taskJson(task()));
  expect(Object.keys(taskJson(done))).toEqual(keys);
  expect(keys.slice(0, 9)).toEqual(['id', 'number', 'title', 'description', 'type', 'status', 'priority', 'lane', 'group']);
  expect(taskJson(done)).toMatchObject({ created_at: '2026-11-27T07:57:55.000Z', finished_at: '2026-11-27T08:00:00.000Z', started_at: expect.any(String), error: null, result: { price: 3 } });
});

describe('times', () => {
  it('are read in every way that usage names', () => {
    expect([readSpan('--timeout', '60s'), readSpan('--timeout', '1.5h'), readSpan('--timeout', '250ms')]).toEqual([60_000, 5_400_000, 250]);
    expect(readMoment('--at', '+10m', NOW)).toBe(NOW + 600_000);
    expect(readMoment('--at', '2026-12-01T08:00:00Z', NOW)).toBe(Date.parse('2026-12-01T08:00:00Z'));
    expect(readMoment('--at', '2026-12-01 08:00', NOW)).toBe(new Date(2026, 11, 1, 8).getTime());
    const at = new Date(readMoment('--at', '18:30', NOW));
    expect([at.getHours(), at.getMinutes(), at.getTime() > NOW, at.getTime() - NOW <= 86_400_000]).toEqual([18, 30, true, true]);
  });
  it.each(['60', 's', '-1s', '1w', '', '1e3s'])('refuse the span %j', (text) => expect(() => readSpan('--timeout', text)).toThrow(UsageError));
  it.each(['tomorrow', '25:00', '2026-13-01', '2026-12-01T99:00', '+5', '1764230400000'])('refuse the moment %j', (text) => expect(() => readMoment('--at', text, NOW)).toThrow(UsageError));
  it('are said in one figure', () => {
    expect([agoText(NOW - 500, NOW), agoText(NOW - 59_000, NOW), agoText(NOW - 3_700_000, NOW), agoText(NOW + 90_000, NOW)]).toEqual(['now', '59 s ago', '1 h ago', 'in 1 min']);
    expect([spanText(12), spanText(1234), spanText(125_000), spanText(7_260_000)]).toEqual(['12 ms', '1.2 s', '2 min 5 s', '2 h 1 min']);
  });
});

describe('the flags of a task', () => {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-flags-'));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const made = (flags: Parameters<typeof readTaskFlags>[0]) => readTaskFlags(flags, NOW);

  it('make what task create takes', () => {
    const fields = made({ desc: 'shell: df -h', group: 'linux', priority: '8', timeout: '60s', retries: '0', key: 'daily', at: '+1m', label: ['gpu=1,zone=a', 'x=y'], worker: 'worker-1' });
    expect(fields).toEqual({ description: 'shell: df -h', type: 'shell', group: 'linux', priority: 8, payload: { command: 'df -h' }, requirements: { worker: 'worker-1', labels: { gpu: '1', zone: 'a', x: 'y' } }, timeoutMs: 60_000, retries: 0, key: 'daily', at: NOW + 60_000 });
    expect(taskFields.safeParse({ ...fields, title: 't' }).success).toBe(true);
    expect(made({ url: 'https://example.org', payload: '{"actions": [{"tool": "snapshot"}]}' })).toEqual({ payload: { url: 'https://example.org', actions: [{ tool: 'snapshot' }] } });
    expect(afterWords({ after: ['12, 13', 't1'] })).toEqual(['12', '13', 't1']);
    expect(made({})).toEqual({});
  });
  it('take a payload from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'troupe-flags-')), 'p.json');
    writeFileSync(file, '{"command": "ls"}');
    expect(made({ payload: file })).toEqual({ payload: { command: 'ls' }, type: 'shell' });
    writeFileSync(file, '[1]');
    expect(() => made({ payload: file })).toThrow(/must be a JSON object/);
    rmSync(file);
    expect(() => made({ payload: file })).toThrow(/ENOENT/);
  });
  it.each([
    [{ type: 'dance' }, /--type "dance": there are scrape/], [{ priority: '11' }, /--priority "11": must be a whole number from 1 to 10/], [{ priority: 'high' }, /--priority/], [{ group: 'GPU!' }, /--group "GPU!"/], [{ worker: '../x' }, /--worker/],
    [{ payload: '{"a": 1,}' }, /--payload/], [{ payload: '{"a": 1, "a": 2}' }, /--payload/], [{ desc: 'shell:' }, /says nothing to run/], [{ desc: 'shell:ls', payload: '{"command": "x"}' }, /one of them/], [{ label: ['gpu'] }, /--label "gpu"/], [{ retries: '4' }, /--retries/], [{ timeout: 'soon' }, /--timeout/], [{ at: 'noon' }, /--at/],
  ] as const)('are refused by their name: %j', (flags, text) => {
    expect(() => made(flags as never)).toThrow(text);
    expect(() => made(flags as never)).toThrow(UsageError);
  });
  it('name the same task for the same key', () => {
    expect(keyId('每日')).toBe(keyId('每日'));
    expect(keyId('a')).not.toBe(keyId('b'));
    expect(keyId('x'.repeat(200))).toMatch(/^k[0-9a-f]{24}$/);
    expect(() => readLabels('--label', ['=1'])).toThrow(UsageError);
  });
});

describe('troupe', () => {
  it.each([
    [['add'], 'the title is missing'], [['add', ' '], 'must not be empty'], [['add', 'a', 'b'], '"b" is one word too many'], [['add', 'a', '--prority', '8'], 'did you mean --priority?'], [['add', 'a', '--priority', '0'], 'from 1 to 10'],
    [['list', '--status', 'lost'], '--status "lost": there are waiting'], [['list', '--limit', '0'], '--limit'], [['list', '--group', 'A B'], '--group'],
    [['task'], 'task show|cancel|retry|logs TASK'], [['task', 'kill', '1'], 'task show|cancel'], [['task', 'show'], 'is missing'], [['task', 'logs', '1', '--foll'], 'unknown flag --foll'], [['task', 'retry', '1', '--priority', 'x'], '--priority'],
    [['agents', 'open'], '"open" is one word too many'], [['agents', 'new', '--viewport', 'big'], '--viewport'], [['agents', 'new', '--id', 'A'], 'id "A"'], [['agents', 'close'], 'is missing'], [['agents', '--status', 'x'], 'there are opening'],
    [['completion'], 'bash, zsh or fish is missing'], [['completion', 'tcsh'], 'there are bash, zsh, fish'],
  ])('refuses %j with code 2', async (argv, text) => {
    const { code, err, out } = await cli(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(text);
  });

  it('completes verbs, their words and their flags in bash', async () => {
    const { code, out } = await cli('completion', 'bash');
    expect(code).toBe(0);
    const completed = (...line: string[]) => spawnSync('bash', ['-c', `${out}\nCOMP_WORDS=(troupe "$@"); COMP_CWORD=$#; _troupe; echo "\${COMPREPLY[*]}"`, 'bash', ...line], { encoding: 'utf8' }).stdout.trim().split(' ');
    expect(completed('ad')).toEqual(['add']);
    expect(completed('task', '')).toEqual(expect.arrayContaining(['show', 'cancel', 'retry', 'logs', '--json']));
    expect(completed('task', 'c')).toEqual(['cancel']);
    expect(completed('add', 'title', '--pr')).toEqual(['--priority']);
    expect(completed('worker', '--allow')).toEqual(['--allow-shell']);
    expect(completed('nothing', '--j')).toEqual(['']);
  });
  it('has the same for zsh and fish', async () => {
    const zsh = (await cli('completion', 'zsh')).out;
    expect(zsh).toMatch(/^#compdef troupe/);
    expect(zsh).toContain('compadd -- show cancel retry logs');
    const fish = (await cli('completion', 'fish')).out.split('\n');
    expect(fish).toContain("complete -c troupe -n '__fish_seen_subcommand_from add' -l priority");
    for (const line of fish) expect(line).toMatch(/^complete -c troupe -n /);
  });
});
