import { effectInput } from '../../../transport/protocol.ts';
import { crashPoint } from '../../crash-point.ts';
import { faultOf, withEvidence, WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';
import { replyTarget } from './reply-target.ts';
import { withPlatform } from './with-platform.ts';

/**
 * Posts one reply. Everything up to the leave can be done again (`sent: 'no'`); after the press a fault says `maybe`
 * unless the platform proves that nothing was stored.
 */
export async function post(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.post.parse(raw);
  const to = replyTarget.parse(input.to);
  let pressed = false;
  try {
    return await withPlatform(ctx, input, async ({ platform, config, io, call }) => {
      const can = to.type === 'comment' ? platform.can.replyComment : platform.can.replyMessage;
      if (!can) throw new WorkerFault('refused', `${platform.label} can't answer a ${to.type}`);
      if ([...input.text].length > platform.can.maxLength) throw new WorkerFault('refused', `the reply has ${[...input.text].length} characters, ${platform.label} takes ${platform.can.maxLength}`);
      const ready = await call('filling in the reply', () => platform.prepare(to, input.text, io));
      ctx.assertHeld();
      crashPoint('before-leave');
      await ctx.link.ask('leave', { reply: input.reply, token: ctx.token, account: input.account, epoch: input.epoch }, 8000, ctx.signal);
      crashPoint('after-leave');
      ctx.signal.throwIfAborted();
      ctx.assertHeld();
      pressed = true;
      const { remoteId } = await call('sending the reply', () => ready.press(), (config.timeouts.press ?? 30_000) + 10_000);
      crashPoint('after-press');
      return { remoteId };
    });
  } catch (error) {
    // A fault of the worker's own (aborted, fenced, timeout) knows nothing about what has left.
    const fault = faultOf(error, 'maybe');
    throw withEvidence(new WorkerFault(fault.kind, fault.message, !pressed ? 'no' : error instanceof WorkerFault ? 'maybe' : fault.sent), fault.evidence ?? null);
  }
}
