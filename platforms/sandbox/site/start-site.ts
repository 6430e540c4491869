import type { AddressInfo } from 'node:net';
import { serve, type HttpBindings, type ServerType } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { controlRoutes } from './control-routes.ts';
import { creatorRoutes } from './creator-routes.ts';
import { loginRoutes } from './login-routes.ts';
import { createMoods, type Mood } from './moods.ts';
import { publicRoutes } from './public-routes.ts';
import { openStore } from './store.ts';
import { script, style } from './style.ts';

export type SiteOptions = { port: number; dataDir: string; host?: string; mood?: Partial<Mood> };
export type Site = { url: string; port: number; stop(): Promise<void> };

/** Starts the sandbox's social site. Port 0 takes a free one. Rejects with the system's error when the port is taken. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const host = options.host ?? '127.0.0.1';
  const store = openStore(options.dataDir);
  const moods = createMoods(options.mood);
  let stopped = false;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'self'"], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ["'self'", 'data:'], objectSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"] } }));
  app.use(bodyLimit({ maxSize: 256 * 1024 }));
  app.use(async (c, next) => {
    const { slowMs } = moods.get();
    if (slowMs > 0 && !c.req.path.startsWith('/control')) await new Promise((done) => setTimeout(done, slowMs));
    await next();
  });
  app.onError((error, c) => {
    if (!stopped) console.error(error);
    return c.text('The site broke. See its log.', 500);
  });
  app.get('/site.css', (c) => c.body(style, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
  app.get('/site.js', (c) => c.body(script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.route('/control', controlRoutes(store, moods));
  app.route('/creator', creatorRoutes(store, moods));
  app.route('/', loginRoutes(store, moods));
  app.route('/', publicRoutes(store));

  const server = await new Promise<ServerType>((resolve, reject) => {
    const s = serve({ fetch: app.fetch, port: options.port, hostname: host }, () => resolve(s));
    s.once('error', reject);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    async stop() {
      stopped = true;
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      store.close();
    },
  };
}
