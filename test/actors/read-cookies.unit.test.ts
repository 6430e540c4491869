import { describe, expect, it, test } from 'vitest';
import { CookieFault, ofSites, readCookies, siteOf } from '../../actors/read-cookies.ts';

const NOW = Date.UTC(2026, 0, 1);
const LATER = NOW / 1000 + 86_400;
const one = (text: string) => readCookies(text, NOW).cookies[0];
const fault = (text: string): string => {
  try {
    readCookies(text, NOW);
  } catch (error) {
    expect(error).toBeInstanceOf(CookieFault);
    return (error as Error).message;
  }
  throw new Error('it was taken');
};

describe('cookies are read', () => {
  it('from Netscape\'s cookies.txt', () => {
    const text = `# Netscape HTTP Cookie File\r\n\r\n.shop.example\tTRUE\t/\tTRUE\t${LATER}\tsid\tabc=1;2\r\n#HttpOnly_www.shop.example\tFALSE\t/account\tFALSE\t0\ttok\tx\ty\r\n.shop.example\tTRUE\t/\tFALSE\t5\told\tz`;
    const { cookies, expired } = readCookies(text, NOW);
    expect(cookies).toEqual([
      { name: 'sid', value: 'abc=1;2', domain: '.shop.example', path: '/', expires: LATER, httpOnly: false, secure: true, sameSite: 'Lax' },
      { name: 'tok', value: 'x\ty', domain: 'www.shop.example', path: '/account', expires: -1, httpOnly: true, secure: false, sameSite: 'Lax' },
    ]);
    expect(expired).toBe(1);
  });

  it('from a list as browser extensions write it', () => {
    const list = [{ domain: '.shop.example', hostOnly: false, name: 'sid', value: 'v', path: '/', expirationDate: LATER + 0.5, httpOnly: true, secure: true, sameSite: 'no_restriction', session: false, storeId: '0' }, { domain: 'shop.example', name: 'a', value: '', sameSite: null, session: true, expirationDate: 3 }];
    expect(readCookies(JSON.stringify(list), NOW).cookies).toEqual([
      { name: 'sid', value: 'v', domain: '.shop.example', path: '/', expires: LATER, httpOnly: true, secure: true, sameSite: 'None' },
      { name: 'a', value: '', domain: 'shop.example', path: '/', expires: -1, httpOnly: false, secure: false, sameSite: 'Lax' },
    ]);
  });

  it('from Playwright\'s storage state, with what pages have stored', () => {
    const state = { cookies: [{ name: 'sid', value: 'v', domain: 'shop.example', path: '/', expires: -1, httpOnly: false, secure: false, sameSite: 'Strict' }], origins: [{ origin: 'https://shop.example', localStorage: [{ name: 'k', value: 'v' }] }] };
    expect(readCookies(`\uFEFF${JSON.stringify(state)}`, NOW)).toEqual({ cookies: [state.cookies[0]], origins: state.origins, expired: 0 });
  });

  it('with times in milliseconds and as a date', () => {
    expect(one(JSON.stringify([{ name: 'a', value: 'b', domain: 'x.example', expires: LATER * 1000 }]))!.expires).toBe(LATER);
    expect(one(JSON.stringify([{ name: 'a', value: 'b', domain: 'x.example', expires: new Date(LATER * 1000).toISOString() }]))!.expires).toBe(LATER);
  });
});

test.each([
  ['', 'is empty'],
  ['[{"name": "sid", ', 'begins as JSON and is none'],
  ['[]', 'holds no cookie'],
  ['[3]', 'cookie 1: must be an object'],
  ['[{"value": "secret-value", "domain": "a.example"}]', 'cookie 1: name: is missing'],
  ['[{"name": "sid", "value": 7, "domain": "a.example"}]', 'cookie 1 (sid): value: must be a text'],
  ['[{"name": "sid", "value": "secret-value"}]', 'cookie 1 (sid): domain: is missing'],
  ['[{"name": "sid", "value": "secret-value", "domain": "a b"}]', 'cookie 1 (sid): domain: is no domain'],
  ['[{"name": "sid", "value": "secret-value", "domain": "a.example", "sameSite": "often"}]', 'cookie 1 (sid): sameSite: must be'],
  ['[{"name": "sid", "value": "secret-value", "domain": "a.example", "expires": "soon"}]', 'cookie 1 (sid): expires: must be'],
  ['{"origins": []}', 'cookies: is missing'],
  ['{"cookies": [], "origins": [{"origin": "nowhere"}]}', 'origins: 1: origin: must be an address'],
  ['a.example TRUE / FALSE 0 sid secret-value', 'line 1: has 1 field, 7 are needed with tabs'],
  ['# x\na.example\tTRUE\t/\tFALSE\t0\tsid', 'line 2: has 6 fields'],
  ['a.example\tYES\t/\tFALSE\t0\tsid\tsecret-value', 'line 1: subdomains: must be TRUE or FALSE'],
  ['a.example\tTRUE\t/\tFALSE\ttomorrow\tsid\tsecret-value', 'line 1: expires: must be'],
  ['Cookie: sid=secret-value; tok=x', 'is a Cookie header'],
  ['a.example\tTRUE\t/\tFALSE\t5\tsid\tsecret-value', 'the time of each is over'],
])('%j is refused by its place and field', (text, why) => {
  const said = fault(text);
  expect(said).toContain(why);
  expect(said).not.toContain('secret-value');
});

test('only what belongs to the platform\'s sites is taken', () => {
  const text = ['.douyin.com', 'sso.douyin.com', '.bank.example', 'notdouyin.com'].map((d) => `${d}\tTRUE\t/\tFALSE\t0\tc\tv`).join('\n');
  expect(ofSites(readCookies(text, NOW), ['creator.douyin.com']).cookies.map((c) => c.domain)).toEqual(['.douyin.com', '.sso.douyin.com']);
  expect([siteOf('www.shop.com.cn'), siteOf('shop.com.cn'), siteOf('127.0.0.1'), siteOf('localhost'), siteOf('a.b.example')]).toEqual(['shop.com.cn', 'shop.com.cn', '127.0.0.1', 'localhost', 'b.example']);
});
