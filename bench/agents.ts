import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { built, until } from '../test/harness/stage.ts';
import { treeUsage } from '../runtime/worker/tree-usage.ts';
import { openTroupe } from './troupe.ts';
import { quantiles } from './quantiles.ts';

export type AgentFigures = {
  agents: number; workers: number;
  /** Until all of them are idle on their page, ms. */
  openMs: number;
  tasks: number; completed: number; agentsThatWorked: number; perMinute: number;
  /** From made to completed, ms. */
  p50: number; p99: number;
  /** Of a worker's Node with its Chromium and windows, split where it is shared; bytes. */
  memoryPerWindow: number; memory: number;
  /** Agents that had to be opened again. */
  restarts: number;
};

const PAGE = (n: number) => `<!doctype html><title>Shop ${n}</title><h1>Shop ${n}</h1><form><input name="q"><button>Find</button></form><ul>${Array.from({ length: 40 }, (_, i) => `<li class="item"><b>Thing ${n}-${i}</b> <span class="price">${i}.50</span></li>`).join('')}</ul><script>document.querySelector('form').addEventListener('submit', (e) => { e.preventDefault(); document.querySelector('h1').textContent = 'Found ' + document.querySelector('input').value; });</script>`;

/** Real agents: each a window of its own in the Chromium of one of `workers` processes, all working at tasks against a site on this machine. */
export async function measureAgents(workers: number, windows: number, rounds: number): Promise<AgentFigures> {
  const site = createServer((request, response) => void response.setHeader('content-type', 'text/html').end(PAGE(Number(/\d+/.exec(request.url ?? '')?.[0] ?? 0))));
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(site.address() as AddressInfo).port}`;
  const troupe = await openTroupe('always');
  const { stage } = troupe;
  await troupe.start();
  const { config } = stage;
  const children: ChildProcess[] = Array.from({ length: workers }, (_, i) =>
    spawn(process.execPath, [built('runtime', 'main.js'), 'worker', '--id', `w-${i + 1}`, '--group', 'default'], {
      env: { PATH: process.env['PATH'], ...(config.chromium ? { TROUPE_CHROMIUM: config.chromium } : {}), NATS_URL: config.nats.servers[0], WORKER_PSK_FILE: config.nats.pskFile, TROUPE_DATA: join(config.dataDir, `w-${i + 1}`), MAX_AGENTS: String(windows), BROWSER_ALLOW: host, BROWSER_MODE: 'context', WORKER_PORT: String(23_000 + i), LOG_LEVEL: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
    }));
  try {
    await until(() => stage.rows("SELECT 1 FROM actors WHERE kind = 'worker' AND state LIKE '%connected%'").length >= workers, 'every worker is connected', 180_000);
    const agents = Array.from({ length: workers * windows }, (_, i) => `agent-${i + 1}`);
    const idle = () => stage.rows("SELECT 1 FROM agents WHERE status = 'idle'").length;
    const opening = performance.now();
    await Promise.all(agents.map((id, i) => must(troupe, 'agent', id, { url: `http://${host}/${i}` })));
    await until(() => idle() === agents.length, 'every agent is idle on its page', 300_000);
    const openMs = performance.now() - opening;

    const made = performance.now();
    const tasks: string[] = [];
    for (let round = 0; round < rounds; round++) {
      await Promise.all(agents.map((agent, i) => {
        const id = `t-${round}-${i}`;
        tasks.push(id);
        return must(troupe, 'task', id, {
          title: `Round ${round} of ${agent}`, type: 'scrape', timeoutMs: 240_000, requirements: { agent },
          payload: { url: `http://${host}/${i}`, actions: [{ tool: 'type', args: { selector: '[name=q]', input: `r${round}`, enter: true } }, { tool: 'wait_for', args: { text: `Found r${round}`, timeoutMs: 60_000 } }, { tool: 'extract', args: { list: '.item', fields: { name: 'b', price: { selector: '.price', type: 'number' } } } }] },
        });
      }));
    }
    const over = () => stage.rows<{ n: number }>("SELECT COUNT(*) n FROM tasks WHERE status IN ('completed', 'failed', 'timed_out', 'cancelled')")[0]!.n;
    await until(() => over() === tasks.length, 'every task has ended', 900_000);
    const took = performance.now() - made;
    const usage = await Promise.all(children.map((c) => treeUsage(c.pid!)()));
    const memory = usage.reduce((sum, u) => sum + (u?.memory ?? 0), 0);
    const rows = stage.rows<{ status: string; agent: string | null; ms: number; result: string | null }>('SELECT status, agent_id agent, finished_ms - created_ms ms, result FROM tasks');
    const good = rows.filter((r) => r.status === 'completed' && (JSON.parse(r.result ?? '[]') as unknown[]).length === 40);
    const latency = quantiles(good.map((r) => r.ms));
    return {
      agents: agents.length, workers, openMs, tasks: tasks.length, completed: good.length, agentsThatWorked: new Set(good.map((r) => r.agent)).size, perMinute: good.length / (took / 60_000),
      p50: latency.p50, p99: latency.p99, memory, memoryPerWindow: memory / agents.length, restarts: stage.rows<{ n: number }>('SELECT COALESCE(SUM(restarts), 0) n FROM agents')[0]!.n,
    };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(children.map((c) => (c.exitCode === null && c.signalCode === null ? Promise.race([once(c, 'exit'), new Promise((done) => setTimeout(done, 30_000))]) : null)));
    for (const child of children) child.kill('SIGKILL');
    await troupe.close().catch((error: Error) => process.stderr.write(`clean-up: ${error.message}\n`));
    site.closeAllConnections();
    site.close();
  }
}

async function must(troupe: Awaited<ReturnType<typeof openTroupe>>, kind: string, id: string, fields: object): Promise<void> {
  // A starved master may have lost a partition for a moment: then it is asked again, and what was made already is made.
  for (let n = 0; ; n++) {
    const answer = await troupe.ask<{ ok: boolean; code?: string; message?: string }>(`troupe.cmd.${kind}.${id}.create`, fields, { timeout: 60_000 });
    if (answer.ok || answer.code === 'duplicate') return;
    if (n === 20 || !['unavailable', 'timeout'].includes(answer.code ?? '')) throw new Error(`${kind} ${id} was refused: ${answer.message}`);
    await new Promise((done) => setTimeout(done, 500));
  }
}
