import type { Call } from '../call.ts';
import type { Metrics } from '../metrics.ts';
import { api, type Route } from '../routes.ts';
import { openApi } from './openapi.ts';

const TAG = 'system';
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json; charset=utf-8' } });

/** Is the process alive, is it of use, and how is it doing. */
export function systemApi(metrics: Metrics, table: () => readonly Route[]): Route[] {
  return [
    api('get', '/livez', 'public', { tag: TAG, summary: 'The process answers', answer: 'ok' }, () => new Response('ok\n', { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })),
    ...['/readyz', '/healthz'].map((path) => api('get', path, 'public', { tag: TAG, summary: 'NATS and the view are there; 503 when one is not', answer: 'ok', also: { 503: 'what is missing' } }, (call) => {
      const checks = checksOf(call);
      const ok = Object.values(checks).every((c) => c === 'ok');
      const text = call.c.req.query('verbose') === undefined && ok ? 'ok\n' : Object.entries(checks).map(([name, state]) => `${state === 'ok' ? '[+]' : '[-]'} ${name} ${state}\n`).join('');
      return new Response(text, { status: ok ? 200 : 503, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
    })),
    api('get', '/health', 'public', { tag: TAG, summary: 'The same as JSON', answer: '{status, uptime}' }, (call) => {
      const ok = Object.values(checksOf(call)).every((c) => c === 'ok');
      return json({ status: ok ? 'healthy' : 'unhealthy', uptime: Math.floor(process.uptime()) }, ok ? 200 : 503);
    }),
    ...['/metrics', '/api/metrics'].map((path) => api('get', path, 'read', { tag: TAG, summary: 'Figures for Prometheus', answer: 'text' }, async () => {
      const { type, body } = await metrics.text();
      return new Response(body, { headers: { 'Content-Type': type } });
    })),
    api('get', '/openapi.json', 'public', { tag: TAG, summary: 'This document', answer: 'OpenAPI 3.1' }, (call) => json(openApi(table(), call.d.version))),
  ];
}

/** No detail that only someone signed in should see. */
function checksOf(call: Call): Record<string, string> {
  const view = call.d.view();
  return { nats: call.d.connected() ? 'ok' : 'down', view: view.safe ? 'safe mode' : 'ok', sqlite: readable(call) };
}

function readable(call: Call): string {
  try {
    call.d.db.prepare('SELECT 1 FROM actors LIMIT 1').get();
    return 'ok';
  } catch {
    return 'unreadable';
  }
}
