import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { isLoopback } from '../config.ts';
import { DriverError } from '../drivers/contract.ts';
import type { LocalDriver } from '../drivers/local/local-driver.ts';
import { peer } from '../http/guard.ts';
import type { Keeper } from './keeper.ts';
import type { Keepers } from './keepers.ts';

export type FaceOptions = { keepers: Keepers; driver: LocalDriver; token: string; graceMs: number; machine: string; connected: () => boolean };

const LARGEST_TAIL = 10_000;

/** The seed's HTTP face of the agent. Everything but `/health` from this very machine needs the bearer token. */
export function httpFace(o: FaceOptions): Hono {
  const app = new Hono();

  app.use('*', async (c, next) => {
    c.header('Cache-Control', 'no-store');
    c.header('X-Content-Type-Options', 'nosniff');
    const open = c.req.path === '/health' && c.req.method === 'GET' && isLoopback(peer(c).replace(/^::ffff:/, ''));
    if (!open && !holdsToken(c, o.token)) {
      c.header('WWW-Authenticate', 'Bearer');
      return c.json({ error: 'send the header Authorization: Bearer <token>; the token is in data/secrets/agent-token on this machine' }, 401);
    }
    return next();
  });

  app.get('/health', (c) =>
    c.json({ status: 'healthy', uptime: process.uptime(), machine: o.machine, nats: o.connected() ? 'connected' : 'disconnected', workers: o.keepers.all().map((k) => k.key) }));

  app.post('/workers/:id/start', async (c) => {
    const keeper = found(o.keepers, c);
    const { pid } = await keeper.startAgain();
    return c.json({ success: true, worker_id: keeper.key, pid });
  });

  app.post('/workers/:id/stop', async (c) => {
    const keeper = found(o.keepers, c);
    const { keepInList, graceMs } = await options(c, o.graceMs);
    if (keepInList) await keeper.stopNow(graceMs);
    else await o.keepers.forget(keeper.key, graceMs);
    return c.json({ success: true, worker_id: keeper.key, keep_in_list: keepInList });
  });

  app.post('/workers/:id/restart', async (c) => {
    const keeper = found(o.keepers, c);
    if (!keeper.known) await keeper.startAgain();
    const { graceMs } = await options(c, o.graceMs);
    await keeper.stopNow(graceMs);
    const { pid } = await keeper.startAgain();
    return c.json({ success: true, worker_id: keeper.key, pid });
  });

  app.get('/workers/:id/status', async (c) => {
    const keeper = o.keepers.get(c.req.param('id'));
    if (!keeper) return c.json({ status: 'stopped', pid: null, uptime: 0, cpu: 0, memory: 0, restarts: 0, unstable_restarts: 0 });
    const stats = await keeper.stats();
    const { state, pid, startedAt, restarts, unstable, why } = keeper.status;
    return c.json({
      status: state, pid,
      uptime: startedAt === null ? 0 : Math.max(0, Date.now() - startedAt),
      cpu: Math.round((stats?.cpuRatio ?? 0) * 1000) / 10,
      memory: Math.round(((stats?.rssBytes ?? 0) / 1_048_576) * 10) / 10,
      restarts, unstable_restarts: unstable,
      ...(why === null ? {} : { reason: why }),
    });
  });

  app.get('/workers/:id/logs', async (c) => {
    const handle = found(o.keepers, c).last;
    const tail = c.req.query('tail') ?? '100';
    if (!/^\d{1,6}$/.test(tail) || Number(tail) > LARGEST_TAIL) throw new Refused(422, `tail must be a whole number from 0 to ${LARGEST_TAIL}`);
    const { lines } = handle ? await o.driver.logs(handle, { tail: Number(tail) }) : { lines: [] };
    const text = lines.map((l) => `${l}\n`).join('');
    return c.req.query('format') === 'text' ? c.text(text) : c.json({ logs: text });
  });

  app.notFound((c) => c.json({ error: `${c.req.method} ${c.req.path.slice(0, 100)} is nothing here; see POST /workers/:id/start, stop, restart, GET /workers/:id/status, logs, /health` }, 404));
  app.onError((error, c) => c.json({ error: error.message }, error instanceof Refused ? error.status : error instanceof DriverError && error.kind === 'missing' ? 404 : 500));
  return app;
}

class Refused extends Error {
  readonly status: 404 | 413 | 422;
  constructor(status: 404 | 413 | 422, message: string) {
    super(message);
    this.status = status;
  }
}

function found(keepers: Keepers, c: Context): Keeper {
  const id = c.req.param('id') ?? '';
  const keeper = keepers.get(id);
  if (!keeper) throw new Refused(404, `worker ${JSON.stringify(id.slice(0, 80))} is not known to this agent: start it from the master once, and it can be started here from then on`);
  return keeper;
}

// Hashes of one length, so that the comparison tells nothing.
function holdsToken(c: Context, token: string): boolean {
  const given = /^Bearer (\S{1,512})$/i.exec(c.req.header('authorization') ?? '')?.[1];
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(hash(given), hash(token));
}

async function options(c: Context, graceMs: number): Promise<{ keepInList: boolean; graceMs: number }> {
  if (Number(c.req.header('content-length') ?? 0) > 65_536) throw new Refused(413, 'the body is larger than 64 KiB');
  const text = await c.req.text();
  let body: unknown = {};
  try {
    if (text !== '') body = JSON.parse(text);
  } catch {
    throw new Refused(422, 'the body is no JSON: send {"keep_in_list": true} or nothing');
  }
  const { keep_in_list: keep = false, timeout = graceMs } = (body ?? {}) as { keep_in_list?: unknown; timeout?: unknown };
  if (typeof keep !== 'boolean') throw new Refused(422, 'keep_in_list must be true or false');
  if (typeof timeout !== 'number' || !Number.isFinite(timeout) || timeout < 0 || timeout > 600_000) throw new Refused(422, 'timeout must be milliseconds from 0 to 600000');
  return { keepInList: keep, graceMs: timeout };
}
