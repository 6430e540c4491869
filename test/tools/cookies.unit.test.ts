import { describe, expect, it } from 'vitest';
import { cookies } from '../../runtime/tools/all/cookies.ts';
import type { ToolIo } from '../../runtime/tools/tool.ts';

const CANARY = 'canary-session-5521';
function browser(account: string | null) {
  const did: string[] = [];
  const context = {
    cookies: async () => [{ name: 'sid', value: CANARY, domain: 'site.example', path: '/', expires: -1, httpOnly: true, secure: true, sameSite: 'Lax' }],
    addCookies: async () => void did.push('set'),
    clearCookies: async () => void did.push('clear'),
  };
  return { did, io: { account, page: { context: () => context } } as unknown as ToolIo };
}
const given = (more: object) => cookies.input.parse(more);

describe('cookies', () => {
  it('of a window of nobody are read, set and cleared', async () => {
    const { io, did } = browser(null);
    expect(await cookies.run(io, given({}))).toMatchObject({ count: 1, cookies: [{ name: 'sid', value: CANARY }] });
    await cookies.run(io, given({ action: 'set', cookies: [{ name: 'a', value: 'b', url: 'https://site.example/' }] }));
    await cookies.run(io, given({ action: 'clear' }));
    expect(did).toEqual(['set', 'clear']);
  });
  it('of an account give their names alone: its session stays sealed', async () => {
    const { io, did } = browser('a1');
    const said = await cookies.run(io, given({}));
    expect(said).toMatchObject({ count: 1, cookies: [{ name: 'sid' }] });
    expect(JSON.stringify(said)).not.toContain(CANARY);
    for (const more of [{ action: 'set', cookies: [{ name: 'a', value: 'b', url: 'https://site.example/' }] }, { action: 'clear' }]) await expect(cookies.run(io, given(more))).rejects.toThrow('log the account in or out instead');
    expect(did).toEqual([]);
  });
});
