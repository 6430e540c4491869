import { effectInput } from '../../../transport/protocol.ts';
import type { Io } from '../../../platforms/contract.ts';
import { pictureName } from '../../picture-name.ts';
import type { EffectContext } from './effect-context.ts';
import { givenSession } from './given-session.ts';
import { codePicture, sendable } from './code-picture.ts';
import { withPlatform } from './with-platform.ts';

/** Walks the account's browser through the platform's login, telling each step; the session is in the vault before it is done. */
export function login(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.login.parse(raw);
  return withPlatform(ctx, input, async ({ platform, config, browser, io, call }) => {
    /** Sends it on its way, ahead of the event that names it: on a slow line an answer costs as much as the way there. */
    const picture = (image: Buffer | null, txn: string): string | null => {
      const base64 = sendable(image);
      if (base64 === null) return null;
      ctx.link.ask('picture', { token: ctx.token, txn, base64 }, 15_000, ctx.signal).catch((error: Error) => ctx.signal.aborted || ctx.log('warn', 'task', `the picture of a login step did not arrive: ${error.message}`, { account: input.account }));
      return pictureName(ctx.token, txn);
    };
    const limit = (config.timeouts.loginCheck ?? 300_000) + 30_000;
    // People who look after it see what it sees, and can lend a hand.
    const window = /^login\/([a-z0-9-]+)\//.exec(ctx.token)?.[1];
    let takeBack = (): void => undefined;
    const shown: Io = {
      ...io,
      async page() {
        const page = await io.page();
        if (window && !ctx.windows.shows(page)) {
          takeBack();
          takeBack = ctx.windows.lend(`login-${window}`.slice(0, 63), page, input.account);
        }
        return page;
      },
    };
    const given = input.method === 'cookies' ? await givenSession(ctx, input, browser.context, config) : null;
    const steps = platform.login(input.method, shown, ctx.answer);
    let done = false;
    try {
      for (;;) {
        const next = await call('the login', async () => steps.next(), limit);
        if (next?.done !== false) throw new Error(`${platform.label} ended the login without saying who is logged in`);
        const step = next.value;
        ctx.log('info', 'task', `login of ${input.account}: ${step.kind}`, { account: input.account, platform: platform.id });
        if (step.kind === 'qr') {
          const { png, url } = await codePicture(step.image);
          ctx.emit({ type: 'QR', picture: picture(png, step.txn) ?? '', url, txn: step.txn, expiresAt: step.expiresAt });
        } else if (step.kind === 'challenge') {
          ctx.emit({ type: 'CHALLENGE', what: step.what, prompt: step.prompt.slice(0, 500), picture: picture(step.image, step.txn), txn: step.txn });
        } else if (step.kind === 'confirming') {
          ctx.emit({ type: 'CONFIRMING', prompt: step.prompt.slice(0, 500) });
        } else {
          ctx.assertHeld();
          await browser.save();
          done = true;
          const { userAgent, viewport, locale, timezone, deviceScaleFactor, createdAt } = browser.fingerprint;
          return { user: step.user, validUntil: step.validUntil, fingerprint: { userAgent, viewport, locale, timezone, deviceScaleFactor, createdAt } };
        }
      }
    } finally {
      await given?.settle(done);
      takeBack();
      void (async () => steps.return())().catch(() => undefined);
    }
  }, { traced: false });
}
