import { PlatformFault, type Io, type PlatformConfig } from '../contract.ts';
import { locate, timeoutOf } from './locate.ts';
import { noWall, visit } from './visit.ts';

/** Whether the account's home shows the account. Throws what else is wrong. */
export async function checkSession(io: Io, config: PlatformConfig): Promise<'valid' | 'expired' | 'challenged'> {
  try {
    const { page } = await visit(io, config, config.urls.home ?? '');
    await locate(page, config, 'userProfile', timeoutOf(config, 'element', 10_000)).catch(async (error: unknown) => {
      await noWall(page, config);
      throw error;
    });
    return 'valid';
  } catch (error) {
    if (error instanceof PlatformFault && error.kind === 'logged-out') return 'expired';
    if (error instanceof PlatformFault && error.kind === 'challenged') return 'challenged';
    throw error;
  }
}
