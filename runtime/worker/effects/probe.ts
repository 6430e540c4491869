import { effectInput } from '../../../transport/protocol.ts';
import { openDoor } from '../../browsers/proxy-door.ts';
import { exitOf, lookThrough } from '../../browsers/look-through.ts';
import { WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';

const WITHIN = 20_000;

/** Looks through a proxy by the same door that a browser's traffic takes. What its password is, only the master says. */
export async function probe(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const { proxy, url, password } = effectInput.probe.parse(raw);
  const secret = password === null ? '' : String((await ctx.link.ask('secret', { ref: password, token: ctx.token }, 15_000, ctx.signal)).value ?? '');
  const door = await openDoor(proxy, secret, '127.0.0.1').catch((error: Error) => {
    throw new WorkerFault('proxy', error.message);
  });
  const began = performance.now();
  try {
    const { status, text, ms } = await lookThrough(door.port, url, AbortSignal.any([ctx.signal, AbortSignal.timeout(WITHIN)]));
    if (status >= 400) throw new Error(`${new URL(url).host} answered ${status}`);
    return { ms, exit: exitOf(text) };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    const late = (error as Error).name === 'TimeoutError' ? `no answer within ${WITHIN / 1000} s` : null;
    throw new WorkerFault('proxy', door.fault(began) ?? late ?? (error as Error).message.split('\n', 1)[0]!);
  } finally {
    await door.close().catch(() => undefined);
  }
}
