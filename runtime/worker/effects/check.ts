import { z } from 'zod';
import { effectInput } from '../../../transport/protocol.ts';
import { WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';
import { withPlatform } from './with-platform.ts';

const SESSION = z.enum(['valid', 'expired', 'challenged']);

/** Whether the account's session still holds. */
export function check(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.check.parse(raw);
  return withPlatform(ctx, input, async ({ platform, io, call }) => {
    const session = SESSION.safeParse(await call('checking the session', () => platform.check(io)));
    if (!session.success) throw new WorkerFault('unknown', `${platform.label} answered neither valid, expired nor challenged when its session was checked`);
    return { session: session.data };
  });
}
