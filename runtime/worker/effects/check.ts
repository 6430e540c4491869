import { effectInput } from '../../../transport/protocol.ts';
import type { EffectContext } from './effect-context.ts';
import { withPlatform } from './with-platform.ts';

/** Whether the account's session still holds. */
export function check(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.check.parse(raw);
  return withPlatform(ctx, input, async ({ platform, io, call }) => ({ session: await call('checking the session', () => platform.check(io)) }));
}
