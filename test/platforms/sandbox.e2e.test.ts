import { expect, it } from 'vitest';
import { loadPlatforms } from '../../platforms/load.ts';
import { start } from '../../platforms/sandbox/replica.ts';
import { onReplica } from '../../runtime/platform-check/on-replica.ts';
import { platformCases } from '../contracts/platform.case.ts';

platformCases('sandbox', async () => onReplica((await loadPlatforms('')).find((p) => p.id === 'sandbox')!, await start()));

it('has a tour: its addresses are relative, so the self-test could open none of them', async () => {
  const { create, config } = (await loadPlatforms('')).find((p) => p.id === 'sandbox')!;
  expect(Object.values(config!.urls).some((url) => /^http/.test(url) && url !== config!.urls['base'])).toBe(false);
  expect((await create!(config!)).tour).toBeTypeOf('function');
});
