import { effectInput } from '../../../transport/protocol.ts';
import type { EffectContext } from './effect-context.ts';
import { replyTarget } from './reply-target.ts';
import { withPlatform } from './with-platform.ts';

/** Looks on the platform for a reply that may have been posted. */
export function find(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.find.parse(raw);
  const to = replyTarget.parse(input.to);
  return withPlatform(ctx, input, async ({ platform, io, call }) => {
    const hit = await call('looking for the reply', () => platform.find(to, input.text, input.since, io));
    return { remoteId: hit?.remoteId ?? null, reliable: platform.can.verifyReliable };
  });
}
