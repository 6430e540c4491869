import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { windowInput } from '../../../transport/protocol.ts';
import { liveView } from '../../../views/live-view.ts';
import { checked, readJson } from '../body.ts';
import type { Call } from '../call.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { scopeCovers } from '../users.ts';
import { askWindow } from '../windows/ask-window.ts';
import { castStream } from '../windows/cast-stream.ts';
import { placeOf } from '../windows/place.ts';
import type { Place } from '../windows/windows-port.ts';

const holder = z.string().min(8).max(64);
const inputs = z.strictObject({ holder, inputs: z.array(windowInput).min(1).max(64) });
const going = z.strictObject({ holder, action: z.enum(['goto', 'back', 'forward', 'reload']), url: z.string().max(4000).optional() });
const json = (body: object): Response => new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json; charset=utf-8' } });
const body = async <T extends z.ZodType>(call: Call, schema: T): Promise<z.output<T>> => checked(schema, await readJson(call.c));

/** The live view of a window, and acting in it by hand: for agents, and for logins that show a challenge. */
export const livePages = (): Route[] => [...routes('agent', '/agents/:id'), ...routes('login', '/logins/:id')];

function routes(of: 'agent' | 'login', base: string): Route[] {
  return [
    page('get', `${base}/view`, 'read', (call) => {
      const x = context(call);
      const place = placeOf(call, of);
      return showPage(call, x, { title: x.t('live.title', { name: place.title }), main: liveView(x, { of, id: call.param('id'), name: place.title, worker: place.worker, base: place.base, mayControl: scopeCovers(call.who.scope, 'control') }), topics: [], live: true });
    }),
    page('get', `${base}/cast`, 'read', (call) => castStream(call, placeOf(call, of))),
    page('post', `${base}/control`, 'control', async (call) => json({ holder: await take(call, placeOf(call, of)) })),
    page('post', `${base}/control/end`, 'control', async (call) => {
      const given = await body(call, z.strictObject({ holder }));
      await askWindow(call.d, placeOf(call, of), { op: 'control', do: 'end', holder: given.holder, by: call.by });
      return json({});
    }),
    page('post', `${base}/input`, 'control', async (call) => {
      const given = await body(call, inputs);
      call.d.takeovers.used(given.holder);
      await askWindow(call.d, placeOf(call, of), { op: 'input', holder: given.holder, inputs: given.inputs });
      return json({});
    }),
    page('post', `${base}/go`, 'control', async (call) => {
      const { holder: who, action, url } = await body(call, going);
      const place = placeOf(call, of);
      // Only whoever holds it gets past this.
      await askWindow(call.d, place, { op: 'control', do: 'take', holder: who, by: call.by });
      call.d.takeovers.used(who);
      await askWindow(call.d, place, { op: 'tool', tool: 'navigate', args: { action, ...(url ? { url } : {}) }, by: call.by }, 55_000);
      return json({});
    }),
  ];
}

/** Takes the window over and keeps in the audit that it began, and in time that it ended. */
async function take(call: Call, place: Place): Promise<string> {
  const id = randomBytes(12).toString('hex');
  const { by } = call;
  call.d.takeovers.begin(place, id, (why) => void call.note(`control ends: ${why}`.slice(0, 60), place.actor, by));
  try {
    await askWindow(call.d, place, { op: 'control', do: 'take', holder: id, by });
  } catch (error) {
    call.d.takeovers.drop(id);
    throw error;
  }
  await call.note('takes control', place.actor, by);
  return id;
}
