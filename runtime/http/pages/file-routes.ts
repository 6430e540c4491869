import { loadAssets } from '../assets.ts';
import { found } from '../call.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { stillIn } from '../still-in.ts';

const TOPIC = /^[a-z-]{1,31}(\/[a-z0-9-]{1,63})?$/;

/** What pages load, and the connection that keeps them live. */
export function fileRoutes(): Route[] {
  const { files } = loadAssets();
  return [
    page('get', '/static/:file', 'public', (call) => {
      const file = found(files.get(call.param('file')) ?? null, 'this file');
      const cache = file.path === 'icon.svg' ? 'public, max-age=3600' : 'public, max-age=31536000, immutable';
      return new Response(file.body as BodyInit, { headers: { 'Content-Type': file.type, 'Cache-Control': cache } });
    }),
    page('get', '/events', 'read', (call) => {
      const { c, d, who } = call;
      const topics = (c.req.query('topics') ?? '').split(',').filter((t) => TOPIC.test(t)).slice(0, 50);
      const since = c.req.header('last-event-id') ?? call.query('since') ?? null;
      const stream = d.live.listen({ user: who.name, topics, since, stillIn: stillIn(call) });
      if (!stream) throw new Problem(429, 'too_many_pages', 'ten pages are open already: close one', { headers: { 'Retry-After': '10' } });
      return new Response(stream, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' } });
    }),
  ];
}
