import { answer as answerShape } from '../../../transport/protocol.ts';
import type { Deps } from '../ports.ts';
import { Problem, refusal } from '../problem.ts';
import type { Place } from './windows-port.ts';

const FRESH = 1000;
const MOST = 500;
const known = new WeakMap<Deps['windows'], Map<string, { at: number; picture: Promise<Uint8Array> }>>();

/** A JPEG of a window, at most a second old, however many look. */
export function pictureOf(d: Pick<Deps, 'windows'>, place: Place, width: number): Promise<Uint8Array> {
  const cache = known.get(d.windows) ?? new Map<string, { at: number; picture: Promise<Uint8Array> }>();
  known.set(d.windows, cache);
  const key = `${place.worker}/${place.window}/${width}`;
  const now = performance.now();
  const had = cache.get(key);
  if (had && now - had.at < FRESH) return had.picture;
  for (const [old, one] of cache) if (cache.size > MOST || now - one.at > FRESH) cache.delete(old);
  const picture = take(d, place, width);
  cache.set(key, { at: now, picture });
  picture.catch(() => cache.get(key)?.picture === picture && cache.delete(key));
  return picture;
}

async function take(d: Pick<Deps, 'windows'>, place: Place, width: number): Promise<Uint8Array> {
  const bytes = await d.windows.ask(place.worker, { op: 'picture', agent: place.window, width, quality: 60 }, 10_000);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return bytes;
  const said = answerShape.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  throw said.ok ? new Problem(503, 'unavailable', 'the worker sent no picture') : refusal(said as Extract<typeof said, { ok: false }>);
}
