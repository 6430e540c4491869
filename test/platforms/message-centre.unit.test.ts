import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { creatorSite } from '../../platforms/base/creator-site.ts';
import { readCursor } from '../../platforms/base/read-cursor.ts';
import type { Io, PlatformConfig } from '../../platforms/contract.ts';

const CAN = { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 10 };
const config = (messages: string): PlatformConfig => ({ platform: 'x', label: 'X', urls: { home: 'https://www.x.example/', messages }, selectors: { loggedOut: ['.sign-in'], threadItem: ['li'] }, timeouts: { element: 50 } });

/** A browser to which every page is a login. */
function closed(): { io: Io; said: string[] } {
  const said: string[] = [];
  const locator = { first: () => locator, or: () => locator, isVisible: async () => true, waitFor: async () => undefined };
  const page = { on: () => undefined, goto: async () => ({ status: () => 200 }), locator: () => locator } as unknown as Page;
  return { said, io: { account: 'a1', context: {} as never, signal: new AbortController().signal, page: async () => page, log: (_, message) => void said.push(message), screenshot: async () => undefined } };
}

test('a message centre with a login of its own does not end the account\'s session', async () => {
  const { io, said } = closed();
  expect(await creatorSite(config('https://im.x.example/'), ['qrcode'], CAN).messages('kept', io)).toEqual({ items: [], cursor: 'kept' });
  expect(said).toEqual([expect.stringContaining('the message centre of X is not open to this account')]);
});

test('a cursor of an older version is read as none', () => {
  expect(readCursor('7301', {})).toEqual({});
  expect(readCursor('5f00aa', [])).toEqual([]);
  expect(readCursor('[["a","b"]]', {})).toEqual({});
  expect(readCursor('[["a","b"]]', [])).toEqual([['a', 'b']]);
});

test('on the site itself a login says that the session is over', async () => {
  await expect(creatorSite(config('https://www.x.example/messages'), ['qrcode'], CAN).messages(null, closed().io)).rejects.toMatchObject({ kind: 'logged-out' });
});
