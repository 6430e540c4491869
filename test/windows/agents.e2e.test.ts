import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerLogin } from '../../runtime/nats-login.ts';
import { startWorker, type Worker } from '../../runtime/worker/start-worker.ts';
import { built, until } from '../harness/stage.ts';
import { wholeSystem, type WholeSystem } from '../http/whole-system.ts';
import { pageSite, type PageSite } from './page-site.ts';

let s: WholeSystem;
let site: PageSite;
let worker: Worker;
let toolsDir: string;

beforeAll(async () => {
  [s, site] = await Promise.all([wholeSystem({ wire: false }), pageSite()]);
  const { config } = s.stage;
  toolsDir = join(config.dataDir, 'tools');
  mkdirSync(toolsDir);
  writeFileSync(join(toolsDir, 'heading.json'), JSON.stringify({ name: 'heading', description: 'The heading of a page of this site', input: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }, steps: [{ tool: 'navigate', args: { url: `${site.url}/{{path}}` } }, { tool: 'extract', args: { fields: { h1: 'h1' } } }], output: '{{steps.1.data.h1}}' }));
  const { servers, user, pass } = workerLogin(config, 'w1');
  worker = await startWorker({ workerId: 'w1', servers, user, pass, dataDir: join(config.dataDir, 'worker'), heartbeatMs: 500, maxAccounts: 10, mode: 'context', group: 'default', maxConcurrent: 3, headless: true, maxAgents: 4, allowHosts: [site.host], toolsDir });
}, 60_000);
afterAll(async () => {
  await worker?.stop(500);
  await s?.close();
  await site?.stop();
});

/** Opens an agent and waits until its window is there. */
async function agent(fields: object = {}): Promise<string> {
  const made = await s.api('POST', '/agents', { url: site.url, ...fields });
  expect(made.status, JSON.stringify(made.body)).toBeLessThan(300);
  const id = String(made.body.agent?.id ?? made.body.id ?? made.body.agent_id);
  await until(async () => (await s.api('GET', `/agents/${id}`)).body.agent?.status === 'idle', `agent ${id} is idle`);
  return id;
}
const post = (path: string, body: object, headers: Record<string, string> = {}) => fetch(s.base + path, { method: 'POST', headers: { authorization: `Bearer ${s.token}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
const cliEnv = () => ({ PATH: process.env['PATH']!, TROUPE_DATA: s.stage.config.dataDir, NATS_URL: s.stage.config.nats.servers[0]!, TROUPE_TOOLS_DIR: toolsDir });
const cli = (...args: string[]): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((done) => {
    const child = spawn(process.execPath, [built('runtime', 'main.js'), ...args], { env: cliEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.on('data', (d: Buffer) => (said.out += d.toString()));
    child.stderr.on('data', (d: Buffer) => (said.err += d.toString()));
    child.once('close', (code) => done({ code, ...said }));
  });

describe('agents with a real master, page, worker and browser', () => {
  it('open, show what they show, and do what tools say by HTTP, NATS and terminal; a busy one says who has it', async () => {
    const id = await agent({ name: 'First' });
    const picture = await fetch(`${s.base}/api/agents/${id}/screenshot?width=320`, { headers: { cookie: s.cookie } });
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect((await fetch(`${s.base}/api/v1/agents/${id}/screenshot?width=9`, { headers: { cookie: s.cookie } })).status).toBe(422);

    const rpc = await post('/rpc/extract', { agentId: id, fields: { title: 'h1' } });
    expect([rpc.status, await rpc.json()]).toEqual([200, { success: true, agent: id, tool: 'extract', result: { data: { title: 'Shop' }, count: 1 } }]);
    const script = await s.api('POST', `/agents/${id}/tools`, { tool: 'exec_js', args: { script: '({ some_key: 1 + 1 })' } });
    expect(script.body.result).toEqual({ value: { some_key: 2 } });
    expect((await s.api('POST', `/agents/${id}/tools/click`, { selector: '#nope', timeoutMs: 300 }))).toMatchObject({ status: 422, body: { code: 'tool_failed', detail: expect.stringContaining('click: nothing matches selector #nope') } });
    expect(await s.api('POST', `/agents/${id}/tools/navigate`, { url: 'file:///etc/passwd' })).toMatchObject({ status: 422, body: { field: 'url' } });
    expect(await s.api('POST', `/agents/${id}/tools/fly`, {})).toMatchObject({ status: 404, body: { detail: expect.stringContaining('there is no tool fly') } });
    expect((await s.api('POST', '/agents/none/tools/click', {})).status).toBe(404);
    expect((await post('/rpc/click', { selector: 'a' })).status).toBe(422);

    const waiting = s.api('POST', `/agents/${id}/tools/wait_for`, { ms: 1500 });
    const busy = await until(async () => {
      const a = await s.api('POST', `/agents/${id}/tools/exec_js`, { script: '1' });
      return a.status === 409 ? a : null;
    }, 'it is busy');
    expect(busy.body.detail).toBe(`${id} is busy: token:tests has it`);
    expect(await s.api('POST', `/agents/${id}/tools/navigate`, { url: 'ftp://x' })).toMatchObject({ status: 422, body: { field: 'url' } });
    expect((await waiting).status).toBe(200);

    expect(await s.stage.command(`agent/${id}`, 'tool', { tool: 'heading', args: { path: 'popup' } })).toEqual({ ok: true, value: 'popped' });
    expect(await s.stage.command(`agent/${id}`, 'tool', { tool: 'click', args: { selector: '#nope', timeoutMs: 200 } })).toMatchObject({ ok: false, code: 'tool_failed' });
    expect(await s.stage.command(`agent/${id}`, 'tool', { args: 1 })).toMatchObject({ ok: false, code: 'invalid' });
    const file = join(s.stage.config.dataDir, 'pic.jpg');
    const [shot, listed, bad] = await Promise.all([cli('run', 'screenshot', '--agent', id, '--out', file), cli('tools', '--json'), cli('run', 'navigate', '--agent', id, '--arg', 'url=ftp://x', '--json')]);
    expect(shot, shot.err).toMatchObject({ code: 0, out: expect.stringContaining(`image/jpeg`) });
    expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect((JSON.parse(listed.out) as { tools: { name: string; own: boolean }[] }).tools.filter((t) => t.own).map((t) => t.name)).toEqual(['heading']);
    expect([bad.code, JSON.parse(bad.out)]).toEqual([1, { ok: false, code: expect.any(String), message: expect.any(String), field: 'url' }]);
    const audit = await until(() => { const rows = s.stage.rows<{ by: string; event: string }>(`SELECT by, event FROM audit WHERE actor = ? AND event LIKE 'tool %' ORDER BY at_ms`, `agent/${id}`); return ['token:tests tool exec_js', 'operator tool heading'].every((w) => rows.some((r) => `${r.by} ${r.event}` === w)) ? rows : null; }, 'the audit has them');
    expect(audit.some((r) => /screenshot|extract|click/.test(r.event))).toBe(false);

    const failing = await s.api('POST', '/tasks', { title: 'Fails', type: 'test', retries: 0, payload: { url: site.url, actions: [{ tool: 'click', args: { selector: '#nope', timeoutMs: 200 } }] } });
    const failed = await until(async () => { const { task } = (await s.api('GET', `/tasks/${failing.body.task?.id ?? failing.body.id}`)).body; return task?.status === 'failed' ? task : null; }, 'the task fails');
    expect(failed.artefacts.map((a: { name: string }) => a.name)).toEqual(['failure-1.jpg']);
    const left = await fetch(`${s.base}/api/v1/tasks/${failed.id}/artefacts/failure-1.jpg`, { headers: { cookie: s.cookie } });
    expect([left.status, Buffer.from(await left.arrayBuffer()).subarray(0, 2)]).toEqual([200, Buffer.from([0xff, 0xd8])]);

    const cast = await fetch(`${s.base}/agents/${id}/cast`, { headers: { cookie: s.cookie } });
    const reader = cast.body!.getReader();
    let told = '';
    while (!/event: frame[\s\S]*\n\n/.test(told) || !/event: state/.test(told)) told += Buffer.from((await reader.read()).value!).toString();
    await reader.cancel();
    expect(JSON.parse(/event: state\ndata: (.*)\n/.exec(told)![1]!)).toMatchObject({ control: null, gone: false });

    expect((await s.api('POST', `/agents/${id}/tools/close_window`, {})).body.result).toEqual({ closed: true });
    await until(async () => (await s.api('GET', `/agents/${id}`)).body.agent?.status === 'closed', 'the agent is closed');
    expect((await s.api('POST', `/agents/${id}/tools/click`, { selector: 'a' })).status).toBe(409);
  });

  it('are driven by the SDK\'s own MCP client, over HTTP and over standard input and output', async () => {
    const say = (r: unknown) => r as { isError?: boolean; content: { type: string; text?: string; data?: string; mimeType?: string }[] };
    const json = (r: unknown) => { const { isError, content } = say(r); if (isError) throw new Error(content[0]!.text); return JSON.parse(content.find((c) => c.type === 'text')!.text!); };
    const drive = async (client: Client) => {
      const names = (await client.listTools()).tools.map((t) => t.name);
      expect(names).toEqual(expect.arrayContaining(['list_agents', 'create_agent', 'close_agent', 'create_task', 'get_task', 'navigate', 'snapshot', 'exec_js']));
      const call = async (name: string, args: object = {}) => json(await client.callTool({ name, arguments: args as Record<string, unknown> }));
      const { agent: id } = await call('create_agent', { url: site.url });
      await until(async () => (await call('list_agents')).agents.find((a: { agent: string; state: string }) => a.agent === id)?.state === 'idle', 'it is idle', 30_000);
      const { tree } = await call('snapshot', { agent: id });
      await call('click', { agent: id, ref: /link "to the form" \[ref=(e\d+)\]/.exec(tree)![1]! });
      await call('type', { agent: id, label: 'User', input: 'Ann' });
      expect((await call('exec_js', { agent: id, script: 'document.title + document.querySelector("#user").value' })).value).toBe('FormAnn');
      const shot = say(await client.callTool({ name: 'screenshot', arguments: { agent: id } }));
      expect(shot.content[0]).toMatchObject({ type: 'image', mimeType: 'image/jpeg' });
      expect(say(await client.callTool({ name: 'click', arguments: { agent: id, selector: '#nope', timeoutMs: 200 } }))).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('nothing matches') }] });
      expect(say(await client.callTool({ name: 'click', arguments: { selector: '#nope' } }))).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('agent: is required') }] });
      expect(say(await client.callTool({ name: 'create_task', arguments: { title: '' } })).isError).toBe(true);
      const { task } = await call('create_task', { title: 'By MCP', type: 'scrape', payload: { url: site.url, actions: [{ tool: 'extract', args: { fields: { h: 'h1' } } }] }, requirements: { agent: id } });
      const done = await until(async () => { const t = await call('get_task', { task }); return t.status === 'completed' ? t : null; }, 'the task is done', 30_000);
      expect(JSON.stringify(done)).toContain('{"h":"Shop"}');
      await call('close_agent', { agent: id });
    };
    const web = new Client({ name: 'test', version: '1' });
    await web.connect(new StreamableHTTPClientTransport(new URL(`${s.base}/mcp`), { requestInit: { headers: { authorization: `Bearer ${s.token}` } } }));
    await drive(web);
    await web.close();
    const own = new Client({ name: 'test', version: '1' });
    await own.connect(new StdioClientTransport({ command: process.execPath, args: [built('runtime', 'main.js'), 'mcp'], env: cliEnv(), stderr: 'ignore' }));
    await drive(own);
    expect((await own.listTools()).tools.map((t) => t.name)).toContain('heading');
    await own.close();

    const raw = (headers: Record<string, string>) => fetch(`${s.base}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }) });
    expect((await raw({})).status).toBe(401);
    expect((await raw({ cookie: s.cookie, origin: s.base })).status).toBe(401);
    expect((await raw({ authorization: `Bearer ${s.token}`, origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await raw({ authorization: `Bearer ${s.token}`, origin: s.base })).status).toBe(200);
    expect((await fetch(`${s.base}/mcp`, { headers: { authorization: `Bearer ${s.token}` } })).status).toBe(405);
  });
});
