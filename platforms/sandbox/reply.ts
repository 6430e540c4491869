import { type Io, type PlatformConfig, PlatformFault } from '../contract.ts';
import { asFault } from '../base/as-fault.ts';
import { locate, timeoutOf } from '../base/locate.ts';
import { visit } from '../base/visit.ts';

const LIMIT = 500;

/** Fills the reply form and hands back its one-time trigger. */
export async function prepareReply(config: PlatformConfig, url: string, text: string, io: Io): Promise<{ press(): Promise<{ remoteId: string | null }> }> {
  if (text.trim() === '' || [...text].length > LIMIT) throw new PlatformFault('refused', `a reply on the sandbox has 1 to ${LIMIT} characters, this one has ${[...text].length}`);
  const { page, status } = await visit(io, config, url);
  if (status === 404) throw new PlatformFault('refused', 'what the reply answers is not on the site any more');
  const timeout = timeoutOf(config, 'element', 5000);
  const box = await locate(page, config, 'replyText', timeout);
  await box.fill(text);
  const send = await locate(page, config, 'replySend', timeout);

  let pressed = false;
  return {
    async press() {
      if (pressed) throw new PlatformFault('refused', 'this reply was pressed before', 'maybe');
      pressed = true;
      const path = new URL(url).pathname;
      let seen = false;
      const outcome = new Promise<{ status: number; location: string }>((resolve, reject) => {
        // Chromium by itself sends a POST again when a kept-alive socket is reset; route.fetch puts it on the wire exactly once.
        page.route((to) => to.pathname === path, async (route) => {
          if (route.request().method() !== 'POST') return route.continue().catch(() => undefined);
          if (seen) return route.abort().catch(() => undefined);
          seen = true;
          try {
            const answer = await route.fetch({ maxRetries: 0, maxRedirects: 0, timeout: timeoutOf(config, 'press', 8000) });
            resolve({ status: answer.status(), location: answer.headers().location ?? '' });
          } catch (error) {
            reject(error);
          }
          // The answer is judged here; a page that would go on to it can't be closed on the way.
          await route.abort().catch(() => undefined);
        }).then(() => send.click({ timeout, noWaitAfter: true })).catch((error: unknown) => reject(seen ? error : asFault(error, 'pressing send')));
      });
      const { status, location } = await outcome.catch((error: unknown) => {
        throw asFault(error, 'sending the reply', seen ? 'maybe' : 'no');
      });
      return judge(status, new URL(location, url));
    },
  };
}

/** What the answer to the one request proves. Only answers that exclude a stored reply say `no`. */
function judge(status: number, location: URL): { remoteId: string | null } {
  if (status >= 300 && status < 400) {
    if (location.pathname === '/login') throw new PlatformFault('logged-out', 'the session ended before the reply was taken');
    if (location.pathname === '/challenge') throw new PlatformFault('challenged', 'the site wants to see a person before it takes the reply');
    return { remoteId: location.searchParams.get('sent') };
  }
  if (status === 429) throw new PlatformFault('rate-limited', 'the site says the account posts too fast');
  if (status === 404 || status === 422) throw new PlatformFault('refused', `the site refused the reply (${status})`);
  throw new PlatformFault('unknown', `the site answered ${status} to the reply: it may have been stored`, 'maybe');
}
