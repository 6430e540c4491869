import { effectInput } from '../../../transport/protocol.ts';
import type { EffectContext } from './effect-context.ts';
import { replyTarget } from './reply-target.ts';
import { withPlatform } from './with-platform.ts';

/** Characters of what stood under the target. */
const SAW = 500;

/** Looks on the platform for a reply that may have been posted. */
export function find(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.find.parse(raw);
  const to = replyTarget.parse(input.to);
  return withPlatform(ctx, input, async ({ platform, io, call, picture }) => {
    let saw: string | null = null;
    const hit = await call('looking for the reply', () => platform.find(to, input.text, input.since, { ...io, saw: (text) => void (saw = String(text).slice(0, SAW)) }));
    const remoteId = hit?.remoteId ?? null;
    // A person who has to decide sees what the platform showed; a reply that was found needs no picture.
    const shown = remoteId === null ? await picture() : null;
    const evidence = shown !== null || saw !== null ? { picture: shown, saw: (saw ?? '').toWellFormed() } : null;
    return { remoteId, reliable: platform.can.verifyReliable, evidence };
  });
}
