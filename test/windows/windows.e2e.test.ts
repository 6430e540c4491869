import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskNote } from '../../transport/protocol.ts';
import { BrowserPool } from '../../runtime/browsers/browser-pool.ts';
import { chromiumsUnder, killChromium } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { openTools } from '../../runtime/tools/registry.ts';
import type { EffectContext } from '../../runtime/worker/effects/effect-context.ts';
import { keep } from '../../runtime/worker/effects/keep.ts';
import { work } from '../../runtime/worker/effects/work.ts';
import { Windows } from '../../runtime/worker/windows/windows.ts';
import { until } from '../worker/until.ts';
import { pageSite, type PageSite } from './page-site.ts';

let dir: string;
let site: PageSite;
let pool: BrowserPool;
let windows: Windows;
const tools = openTools(null);
const kept = new Map<string, Buffer>();
type Stage = { ctx: EffectContext; events: Record<string, unknown>[]; notes: Omit<TaskNote, 'at' | 'attempt'>[]; abort: AbortController };

/** What the runner gives an effect, by hand. */
function stage(): Stage {
  const abort = new AbortController();
  const events: Record<string, unknown>[] = [];
  const notes: Stage['notes'] = [];
  const ctx = {
    token: 'task/t1/1/0', signal: abort.signal, pool, windows, tools, log: () => undefined, assertHeld: () => undefined,
    emit: (event: Record<string, unknown>) => void events.push(event), note: (row: Stage['notes'][number]) => void notes.push(row),
    link: { keep: async (name: string, bytes: Buffer) => void kept.set(name, Buffer.from(bytes)) },
  } as unknown as EffectContext;
  return { ctx, events, notes, abort };
}
const free = { worker: 'worker-1', incarnation: 'i', account: null, platform: null, epoch: null, proxy: null };
const task = (payload: object, more: object = {}) => ({ ...free, task: 't1', attempt: 1, type: 'automation', title: 'T', payload, agent: null, timeoutMs: 60_000, ...more });
type Done = { result: any; object: string | null; artefacts: { name: string; object: string; bytes: number; type: string }[]; agent: string | null };
const run = async (payload: object, more: object = {}, s = stage()): Promise<Done> => (await work(s.ctx, task(payload, more))) as Done;
const fault = (p: Promise<unknown>) => p.then((v) => { throw new Error(`it went well: ${JSON.stringify(v)}`); }, (e: { kind: string; message: string }) => [e.kind, e.message]);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'windows-'));
  site = await pageSite();
  pool = new BrowserPool({ dir, mode: 'profile', chromium: await findChromium(), headless: true, allow: [site.host], log: () => undefined, vault: { get: async () => null, put: async () => undefined } });
  windows = new Windows({ pool, tools, log: () => undefined, max: () => 4 });
});
afterAll(async () => {
  await windows.closeAll();
  await pool.closeAll(false);
  await site.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

describe('tasks on a page', () => {
  it('do their steps in order, tell each, and answer what was extracted', async () => {
    const s = stage();
    const done = await run({ url: site.url, actions: [{ tool: 'extract', args: { list: 'li.item', fields: { id: '@data-id', name: 'b', price: { selector: '.price', type: 'number' }, link: { selector: 'a', attr: 'href', type: 'url' }, gone: '.gone', sold: { selector: '.sold', type: 'boolean' } } } }] }, {}, s);
    expect(done).toMatchObject({ object: null, artefacts: [], agent: null });
    expect(done.result).toHaveLength(3);
    expect(done.result[1]).toEqual({ id: '2', name: 'Thing 2', price: 1200.5, link: `${site.url}/thing/2`, gone: null, sold: false });
    expect(s.events).toEqual([{ type: 'STARTED', agent: null }]);
    expect(s.notes.map((n) => [n.step, n.progress])).toEqual([[1, 0], [1, 0.5], [2, 0.5], [2, 1], [undefined, 1]]);
    expect(windows.count).toBe(0);
  });

  it('use every tool: forms, keys, lists, files, cookies, pictures, scripts, popups', async () => {
    const done = await run({
      url: site.url,
      actions: [
        { tool: 'cookies', args: { action: 'set', cookies: [{ name: 'who', value: 'me', url: site.url }] } },
        { tool: 'click', args: { text: 'to the form' } },
        { tool: 'wait_for', args: { selector: '#late', url: '**/form', expression: 'document.readyState !== "loading"' } },
        { tool: 'type', args: { label: 'User', input: 'Ann' } },
        { tool: 'press', args: { selector: '#user', key: 'End' } },
        { tool: 'type', args: { selector: '#user', input: '!', clear: false, delayMs: 1 } },
        { tool: 'select', args: { selector: 'select', options: 'Green' } },
        { tool: 'upload', args: { selector: '#file', files: [{ file: 'a.txt', text: 'hello' }] } },
        { tool: 'exec_js', args: { script: 'const f = document.querySelector("form"); return { user: f.user.value, colour: f.colour.value, file: await f.file.files[0].text(), n: args.n + 1 }', args: { n: 1 } } },
        { tool: 'download', args: { url: `${site.url}/file.txt` } },
        { tool: 'download', args: { text: 'file', exact: true, nth: 0, file: 'clicked.txt' } },
        { tool: 'screenshot', args: { fullPage: true } },
        { tool: 'screenshot', args: { selector: '#send', format: 'png' } },
        { tool: 'pdf' },
        { tool: 'cdp_click', args: { selector: '#send' } },
        { tool: 'wait_for', args: { text: 'thanks' } },
        { tool: 'navigate', args: { action: 'back' } },
        { tool: 'open_window', args: { url: `${site.url}/tall`, width: 400, height: 300 } },
        { tool: 'scroll', args: { to: 'bottom' } },
        { tool: 'navigate', args: { url: site.url } },
        { tool: 'click', args: { role: 'link', name: 'pop up' } },
        { tool: 'wait_for', args: { text: 'popped' } },
        { tool: 'extract', args: { fields: { title: 'h1' } }, note: 'popup' },
        { tool: 'click', args: { role: 'button', name: 'close' } },
        { tool: 'extract', args: { fields: { titles: { selector: 'h1', all: true } } }, note: 'back' },
      ],
    }, {}, stage()).catch((e: Error) => { throw new Error(e.message); });
    expect(done.result).toEqual({ popup: { title: 'popped' }, back: { titles: ['Shop'] } });
    expect(done.artefacts.map((a) => [a.name, a.type])).toEqual([['file.txt', 'text/plain'], ['clicked.txt', 'application/octet-stream'], ['screenshot.jpg', 'image/jpeg'], ['screenshot.png', 'image/png'], ['page.pdf', 'application/pdf']]);
    const file = (n: number) => kept.get(done.artefacts[n]!.object)!;
    expect([file(0).toString(), file(1).toString()]).toEqual(['cookies: who=me', 'cookies: who=me']);
    expect(file(2).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect(file(4).subarray(0, 4).toString()).toBe('%PDF');
    expect(site.posts.at(-1)).toContain('user=Ann%21&colour=g');
  });

  it('fail by step and tool, keep what the page showed, and are told whether to try again', async () => {
    const s = stage();
    expect(await fault(run({ url: `${site.url}/form`, actions: [{ tool: 'click', args: { selector: '#nope', timeoutMs: 400 } }] }, {}, s))).toEqual(['tool-failed', 'step 2 (click): nothing matches selector #nope within 400 ms: check it with snapshot, or wait_for it first']);
    expect(s.events[1]).toMatchObject({ type: 'KEPT', artefact: { name: 'failure-1.jpg', type: 'image/jpeg' } });
    expect(kept.get((s.events[1] as { artefact: { object: string } }).artefact.object)!.length).toBeGreaterThan(1000);
    expect(s.notes.find((n) => n.level === 'error')?.text).toContain('step 2 (click)');
    expect(await fault(run({ url: site.url, actions: [{ tool: 'click', args: { selector: 'a' } }] }))).toEqual(['tool-failed', 'step 2 (click): 5 elements match: give nth (0 is the first), or a narrower selector']);
    expect(await fault(run({ actions: [{ tool: 'navigate', args: { url: 'file:///etc/passwd' } }] }))).toEqual(['refused', 'step 1 (navigate): url: must be an address that begins with http:// or https://']);
    expect(await fault(run({ actions: [{ tool: 'fly', args: {} }] }))).toEqual(['refused', 'step 1: this worker has no tool fly']);
    expect(await fault(run({}))).toEqual(['refused', 'the task has neither url nor actions: give it something to do']);
    for (const url of [`${site.url}/inward`, 'http://169.254.169.254/', 'http://localhost:1/']) expect((await fault(run({ url })))[0], url).toBe('navigation');
    expect(await fault(run({ url: `${site.url}/form`, actions: [{ tool: 'exec_js', args: { script: 'while (true) {}', timeoutMs: 400 } }] }))).toEqual(['tool-failed', 'step 2 (exec_js): took over 400 ms: raise timeoutMs, or wait for less']);
  });

  it('end for real when they are taken back, and with the page that dies under them', async () => {
    const s = stage();
    const taken = fault(run({ url: `${site.url}/hang` }, {}, s));
    await until('the start', () => s.events[0]);
    const { WorkerFault } = await import('../../runtime/worker/fault.ts');
    s.abort.abort(new WorkerFault('aborted', 'the master took this back'));
    expect(await taken).toEqual(['aborted', 'the master took this back']);
    expect(windows.count).toBe(0);
    const dies = stage();
    const crashing = fault(run({ url: site.url, actions: [{ tool: 'wait_for', args: { ms: 30_000 } }] }, {}, dies));
    await until('the wait', () => dies.notes.find((n) => n.step === 2));
    const at = windows.of('task-t1')!;
    void (await at.page.context().newCDPSession(at.page)).send('Page.crash').catch(() => undefined);
    expect(await crashing).toEqual(['crashed', 'the window of task-t1 ended: the page crashed']);
    expect(windows.count).toBe(0);
  });
});

describe('windows of agents', () => {
  const agent = (id: string, more: object = {}) => ({ ...free, agent: id, url: `${site.url}/form`, viewport: null, shared: true, ...more });

  it('live until they are closed; tasks work at them in turn; a full worker says so; a killed browser is told', async () => {
    const a = stage();
    const b = stage();
    const living = [keep(a.ctx, agent('a')), keep(b.ctx, agent('b', { viewport: { width: 390, height: 844 } }))];
    living.forEach((p) => p.catch(() => undefined));
    await until('both are open', () => a.events[0] && b.events[0]);
    expect(a.events[0]).toEqual({ type: 'OPENED', window: 'a', url: `${site.url}/form`, title: 'Form' });
    expect(b.events).toHaveLength(1);
    expect(windows.of('b')!.page.viewportSize()).toEqual({ width: 390, height: 844 });
    expect(chromiumsUnder(dir).map((c) => c.profile.replace(/.*browser_/, ''))).toEqual(['windows-1']);

    const both = await Promise.all([1, 2].map((n) => run({ actions: [{ tool: 'type', args: { selector: '#user', input: `${n}` } }, { tool: 'wait_for', args: { ms: 50 } }, { tool: 'exec_js', args: { code: 'document.querySelector("#user").value' } }] }, { agent: 'a', task: `t${n}` })));
    expect(both.map((d) => [d.agent, d.result.value])).toEqual([['a', '1'], ['a', '2']]);

    const snap = await windows.runTool(windows.of('a')!, 'snapshot', {}, new AbortController().signal, async () => { throw new Error('no'); }) as { tree: string };
    const ref = /button "Send" \[ref=(e\d+)\]/.exec(snap.tree)![1]!;
    await windows.of('a')!.use({ by: 'user:ann' }, new AbortController().signal, async (signal) => {
      expect(windows.list().find((w) => w.agent === 'a')).toMatchObject({ task: null });
      expect(await fault(windows.of('a')!.use({ by: 'user:bob' }, signal, async () => 1, false))).toEqual(['busy', 'a is busy: user:ann has it']);
      await windows.runTool(windows.of('a')!, 'click', { ref }, signal, async () => { throw new Error('no'); });
    }, true);
    await until('the form went off', () => site.posts.at(-1)?.startsWith('user=2'));
    expect(await fault(windows.runTool(windows.of('a')!, 'click', { ref: 'e999', timeoutMs: 300 }, new AbortController().signal, async () => { throw new Error('no'); }))).toMatchObject(['element-not-found', expect.stringContaining('e999')]);

    const more = [stage(), stage()];
    const others = more.map((s, i) => keep(s.ctx, agent(`more-${i}`, { url: null })).catch((e: unknown) => e));
    await until('four are open', () => more.every((s) => s.events[0]));
    expect(await fault(keep(stage().ctx, agent('fifth')))).toEqual(['full', 'this worker has 4 windows open, and 4 is its most: close one, or raise MAX_AGENTS']);
    more[0]!.abort.abort(new Error('taken back'));
    expect(await others[0]).toMatchObject({ message: 'taken back' });
    await windows.close('more-1');
    expect(await others[1]).toEqual({ closed: 'it was closed' });

    await windows.runTool(windows.of('b')!, 'navigate', { url: site.url }, new AbortController().signal, async () => { throw new Error('no'); });
    expect(await until('the move is told', () => b.events[1])).toEqual({ type: 'CHANGED', url: `${site.url}/`, title: 'Home' });
    await windows.runTool(windows.of('b')!, 'close_window', {}, new AbortController().signal, async () => { throw new Error('no'); });
    expect(await living[1]).toEqual({ closed: 'by close_window' });

    await Promise.all(chromiumsUnder(dir).map(killChromium));
    expect(await fault(living[0]!)).toMatchObject(['crashed', expect.stringContaining('the window of a ended: ')]);
    expect(windows.count).toBe(0);
    expect((await run({ url: site.url, actions: [{ tool: 'extract', args: { fields: { t: 'h1' } } }] })).result).toEqual({ t: 'Shop' });
  });

  it('of an account are in the account\'s own browser, and end with its lease', async () => {
    const s = stage();
    const living = keep(s.ctx, agent('acc', { account: 'demo', platform: 'sandbox', epoch: 1, url: site.url }));
    living.catch(() => undefined);
    await until('it is open', () => s.events[0]);
    const profiles = () => chromiumsUnder(dir).map((c) => c.profile.replace(/.*browser_/, ''));
    expect(profiles()).toContain('demo');
    const tool = (name: string, args: object) => windows.runTool(windows.of('acc')!, name, args, new AbortController().signal, async (file, type, body) => ({ name: file, type, bytes: body.length }));
    expect(await fault(tool('download', { text: 'more' }))).toEqual(['refused', 'download: windows of an account take files by their address only: give url']);
    expect(await tool('download', { url: `${site.url}/file.txt` })).toEqual({ name: 'file.txt', type: 'text/plain', bytes: 13 });
    await pool.close('demo', false);
    expect(await fault(living)).toMatchObject(['crashed', expect.stringContaining('the window of acc ended: ')]);
    expect(profiles()).not.toContain('demo');
  });

  it('get a new browser after many windows, and the old one goes with its last', async () => {
    const place = join(dir, 'second');
    const second = new BrowserPool({ dir: place, mode: 'profile', chromium: await findChromium(), headless: true, recycleAfter: 2, log: () => undefined, vault: { get: async () => null, put: async () => undefined } });
    const many = new Windows({ pool: second, tools, log: () => undefined, max: () => 9 });
    const profiles = () => chromiumsUnder(place).map((c) => c.profile.replace(/.*browser_/, '')).sort().join();
    const open = (n: number) => many.open(`n${n}`, { account: null, proxy: null, viewport: null }, new AbortController().signal);
    try {
      const first = [await open(1), await open(2)];
      await open(3);
      expect(profiles()).toBe('windows-1,windows-2');
      await first[0]!.close();
      expect(profiles()).toBe('windows-1,windows-2');
      await first[1]!.close();
      expect(profiles()).toBe('windows-2');
    } finally {
      await many.closeAll();
      await second.closeAll(false);
    }
    expect(profiles()).toBe('');
  });
});
