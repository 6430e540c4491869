import { randomUUID } from 'node:crypto';
import { PlatformFault, type Io, type Step } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { locate, timeoutOf } from './locate.ts';
import type { QrSite } from './qr-login.ts';
import { noWall, visit } from './visit.ts';

/** The login of a browser that was given a session: whose it is, or `logged-out` when the site does not take it. */
export async function* sessionLogin(io: Io, site: QrSite): AsyncGenerator<Step, void, void> {
  const { config } = site;
  try {
    site.begin?.(await io.page());
    const { page } = await visit(io, config, config.urls.home ?? config.urls.login ?? '');
    await locate(page, config, 'userProfile', timeoutOf(config, 'element', 10_000)).catch(async (error: unknown) => {
      await noWall(page, config);
      throw error;
    });
    const { user, validUntil } = await site.user(io, page);
    yield { kind: 'done', id: 'done', txn: randomUUID(), user, validUntil };
  } catch (error) {
    io.signal.throwIfAborted();
    if (error instanceof PlatformFault && error.kind === 'logged-out') throw new PlatformFault('logged-out', `${config.label} does not take this session: it is over, incomplete or of another site. Export the cookies anew while logged in`);
    throw asFault(error, `checking the session on ${config.label}`);
  }
}
