import { reason } from '../../../views/reason.ts';
import type { Call } from '../call.ts';
import { plainContext } from '../page.ts';
import { Problem } from '../problem.ts';
import { stillIn } from '../still-in.ts';
import type { CastHub, Viewer } from './cast-hub.ts';
import type { Place } from './windows-port.ts';

const PER_USER = 6;
const BEAT = 15_000;
const CHECK = 3000;
const open = new WeakMap<CastHub, Map<string, number>>();

/**
 * A window as server-sent events: `frame` {w, h, jpeg: base64}, `state` as the worker tells it, `failed` {why}, `signed-out`.
 * A reader that is behind gets the newest picture when it has caught up, not those between.
 */
export function castStream(call: Call, place: Place): Response {
  const { casts } = call.d;
  const counts = open.get(casts) ?? new Map<string, number>();
  open.set(casts, counts);
  const user = call.who.name;
  if ((counts.get(user) ?? 0) >= PER_USER) throw new Problem(429, 'too_many_pages', 'six live views are open already: close one', { headers: { 'Retry-After': '10' } });
  counts.set(user, (counts.get(user) ?? 0) + 1);
  const x = plainContext(call.c, call.d);
  const text = new TextEncoder();
  const mayStay = stillIn(call);
  let stop = (): void => undefined;
  let waiting: string | null = null;

  const body = new ReadableStream<Uint8Array>({
    start(out) {
      const send = (event: string, data: unknown) => out.enqueue(text.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      const viewer: Viewer = {
        frame({ width, height, jpeg }) {
          const frame = `event: frame\ndata: ${JSON.stringify({ w: width, h: height, jpeg: Buffer.from(jpeg).toString('base64') })}\n\n`;
          if ((out.desiredSize ?? 0) > 0) out.enqueue(text.encode(frame));
          else waiting = frame;
        },
        state: (state) => send('state', { ...state, ended: undefined }),
        failed: (error) => send('failed', { why: reason(x, error.message) }),
      };
      const unwatch = casts.watch(place, viewer);
      const end = () => {
        stop();
        try {
          out.close();
        } catch {
          // The reader went first.
        }
      };
      const beat = setInterval(() => out.enqueue(text.encode(': still here\n\n')), BEAT);
      const check = setInterval(() => {
        void mayStay().then((is) => {
          if (is) return;
          send('signed-out', {});
          end();
        }).catch(() => undefined);
      }, CHECK);
      stop = () => {
        stop = () => undefined;
        unwatch();
        clearInterval(beat);
        clearInterval(check);
        counts.set(user, (counts.get(user) ?? 1) - 1);
      };
    },
    pull(out) {
      if (waiting === null) return;
      const frame = waiting;
      waiting = null;
      out.enqueue(text.encode(frame));
    },
    cancel: () => stop(),
  }, { highWaterMark: 2 });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' } });
}
