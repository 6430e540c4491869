import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fill, holesOf } from '../../runtime/tools/fill.ts';
import { openTools } from '../../runtime/tools/registry.ts';
import { runTool, type ToolPlace } from '../../runtime/tools/run-tool.ts';
import { ToolFault, toolFault } from '../../runtime/tools/tool-fault.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'tools-'))));
afterEach(() => rmSync(dir, { recursive: true }));
const put = (file: string, body: unknown) => writeFileSync(join(dir, file), typeof body === 'string' ? body : JSON.stringify(body));
const login = { name: 'log_in', description: 'Signs in', input: { type: 'object', properties: { user: { type: 'string', minLength: 2 }, tries: { type: 'integer', default: 1 } }, required: ['user'] }, steps: [{ tool: 'navigate', args: { url: 'http://x.test/{{user}}' } }, { tool: 'type', args: { selector: '#u', input: '{{user}}', delayMs: '{{tries}}' } }], output: { at: '{{steps.0.url}}', who: '{{user}}' } };

/** A page that notes what it is asked and is never asked for more than this. */
const place = (asked: unknown[][]): ToolPlace => ({
  account: null, page: () => ({ goto: async (...a: unknown[]) => (asked.push(['goto', a[0]]), { status: () => 200 }), url: () => 'http://x.test/ann', title: async () => 'X', locator: () => ({ waitFor: async () => undefined, fill: async () => undefined, pressSequentially: async (...a: unknown[]) => asked.push(['type', a[0], (a[1] as { delay: number }).delay]), evaluate: async () => 'ann' }) }) as never,
  keep: async () => { throw new Error('nothing to keep'); },
  withDownloads: (work) => work(),
  close: async () => undefined,
});

describe('tools of one\'s own', () => {
  it('are files with steps; arguments keep their types, and earlier answers can be used', async () => {
    put('login.json', login);
    const tools = openTools(dir);
    expect(tools.failed).toEqual([]);
    expect(tools.list().find((t) => t.name === 'log_in')).toMatchObject({ own: true, title: 'log_in', schema: { required: ['user'], properties: { user: { type: 'string', minLength: 2 }, tries: { default: 1 } } } });
    const asked: unknown[][] = [];
    expect(await runTool(tools, 'log_in', { user: 'ann' }, place(asked), new AbortController().signal)).toEqual({ at: 'http://x.test/ann', who: 'ann' });
    expect(asked).toEqual([['goto', 'http://x.test/ann'], ['type', 'ann', 1]]);
    const bad = (args: object) => runTool(tools, 'log_in', args, place([]), new AbortController().signal).catch((e: ToolFault) => [e.kind, e.message, e.field]);
    expect(await bad({})).toEqual(['invalid', 'log_in: user: is required', 'user']);
    expect(await bad({ user: 'ann', extra: 1 })).toEqual(['invalid', 'log_in: extra: there is no such field', 'extra']);
  });

  it('that are broken are told with the reason, and harm nobody', () => {
    put('a.json', '{ "name": ');
    put('b.json', { ...login, name: 'click' });
    put('c.json', { ...login, steps: [{ tool: 'navigate', args: { url: '{{who}}' } }] });
    put('d.json', { ...login, name: 'later', steps: [{ tool: 'navigate', args: { url: '{{steps.0.url}}' } }] });
    put('e.json', { ...login, steps: [] });
    put('f.json', { ...login, extra: 1 });
    put('g.json', { ...login, name: 'good' });
    put('notes.txt', 'no tool');
    const tools = openTools(dir);
    expect(tools.failed.map((f) => f.file)).toEqual(['a.json', 'b.json', 'c.json', 'd.json', 'e.json', 'f.json']);
    expect(tools.failed.map((f) => f.reason)).toEqual([
      expect.stringMatching(/^it is no JSON/), expect.stringMatching(/click is taken already/), 'steps.0.args: {{who}} is no argument of input', 'steps.0.args: {{steps.0.url}} is no earlier step', expect.stringMatching(/^steps: /), 'extra: there is no such field',
    ]);
    expect(tools.has('good') && tools.has('click')).toBe(true);
    expect(openTools(join(dir, 'gone')).failed[0]!.reason).toContain('TROUPE_TOOLS_DIR');
  });

  it('that call each other for ever are ended', async () => {
    put('loop.json', { name: 'loop', description: 'x', steps: [{ tool: 'loop', args: {} }] });
    await expect(runTool(openTools(dir), 'loop', {}, place([]), new AbortController().signal)).rejects.toMatchObject({ kind: 'invalid', message: 'loop: tools of tools go 4 deep at most' });
  });
});

describe('tools', () => {
  it('say what they take as JSON Schema, each with its time', () => {
    const list = openTools(null).list();
    expect(list.map((t) => t.name).sort()).toEqual(['cdp_click', 'click', 'close_window', 'cookies', 'download', 'exec_js', 'extract', 'navigate', 'open_window', 'pdf', 'press', 'screenshot', 'scroll', 'select', 'snapshot', 'type', 'upload', 'wait_for']);
    for (const t of list) {
      expect(t.schema, t.name).toMatchObject({ type: 'object', additionalProperties: false, properties: { timeoutMs: { type: 'integer' } } });
      expect(t.description.length, t.name).toBeGreaterThan(10);
    }
  });

  it('name the nearest where one is not there, and end when their time is over or they are called off', async () => {
    const tools = openTools(null);
    const asked = (name: string, args: object, signal = new AbortController().signal) => runTool(tools, name, args, { ...place([]), page: () => ({ goto: () => new Promise(() => undefined) }) as never }, signal).catch((e: Error) => e);
    expect(await asked('clik', {})).toMatchObject({ kind: 'unknown-tool', message: 'there is no tool clik: did you mean click?' });
    for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'x', 'chrome://version']) expect(await asked('navigate', { url }), url).toMatchObject({ kind: 'invalid', message: 'navigate: url: must be an address that begins with http:// or https://' });
    expect(await asked('navigate', { url: 'http://x.test', timeoutMs: 100 })).toMatchObject({ kind: 'timeout', message: 'navigate: took over 100 ms: raise timeoutMs, or wait for less' });
    const off = new AbortController();
    const running = asked('navigate', { url: 'http://x.test' }, off.signal);
    off.abort(new Error('called off'));
    expect(await running).toMatchObject({ message: 'called off' });
  });

  it('put Playwright\'s errors into words', () => {
    const said = (text: string) => { const f = toolFault('click', new Error(text)); return [f.kind, f.message]; };
    expect(said('locator.click: Error: strict mode violation: locator(\'a\') resolved to 3 elements:\n  1)')).toEqual(['element-not-found', 'click: 3 elements match: give nth (0 is the first), or a narrower selector']);
    expect(said('page.goto: net::ERR_NAME_NOT_RESOLVED at http://10.0.0.1/')).toEqual(['navigation', 'click: the address can\'t be reached (ERR_NAME_NOT_RESOLVED): its name is unknown, or it is on this network, which windows may not reach']);
    expect(said('page.click: Target page, context or browser has been closed')[0]).toBe('crashed');
    expect(said('something else\nCall log:')).toEqual(['tool-failed', 'click: something else']);
  });

  it('fill holes with types, and leave out what is not there', () => {
    expect(fill({ a: '{{n}}', b: 'x{{n}}y{{gone}}', c: ['{{o.deep}}'], d: '{{gone}}', e: '{{constructor}}' }, { n: 3, o: { deep: [1] } })).toEqual({ a: 3, b: 'x3y', c: [[1]] });
    expect(holesOf({ a: '{{n}} {{ o.deep }}', b: [{ c: '{{x}}' }] })).toEqual(['n', 'o.deep', 'x']);
  });
});
