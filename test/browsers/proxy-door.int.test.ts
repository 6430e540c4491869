import { globalAgent } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exitOf, lookThrough } from '../../runtime/browsers/look-through.ts';
import { openDoor, type ProxyDoor, type ProxySpec } from '../../runtime/browsers/proxy-door.ts';
import { proxyFault } from '../../runtime/browsers/proxy-fault.ts';
import { faultOf, withEvidence, WorkerFault } from '../../runtime/worker/fault.ts';
import { CERTIFICATE, deadPort, echoSite, httpProxy, httpsProxy, socksProxy } from './loopback-proxies.ts';

let echo: Awaited<ReturnType<typeof echoSite>>;
let http: Awaited<ReturnType<typeof httpProxy>>;
let https: Awaited<ReturnType<typeof httpsProxy>>;
let socks: Awaited<ReturnType<typeof socksProxy>>;
const doors: ProxyDoor[] = [];
const USER = 'me';
const WORD = 's3cret/ä:@';

beforeAll(async () => {
  [echo, http, https, socks] = await Promise.all([echoSite(), httpProxy(USER, WORD), httpsProxy(USER, WORD), socksProxy(USER, WORD)]);
});
afterAll(() => Promise.all([echo?.stop(), http?.stop(), https?.stop(), socks?.stop()]));
afterEach(() => Promise.all(doors.splice(0).map((d) => d.close())));

const door = async (spec: Partial<NonNullable<ProxySpec>>, word = WORD): Promise<ProxyDoor> => {
  const made = await openDoor({ protocol: 'http', server: `127.0.0.1:${http.port}`, username: USER, ...spec }, word, '127.0.0.1');
  doors.push(made);
  return made;
};
const bySocks = () => ({ protocol: 'socks5', server: `127.0.0.1:${socks.port}` }) as const;
const look = async (d: ProxyDoor, url = echo.url) => {
  const began = performance.now();
  const got = await lookThrough(d.port, url, AbortSignal.timeout(5000)).then((a) => a, (error: Error) => error);
  return { got, fault: d.fault(began) };
};
/** By a tunnel, as https goes: nobody speaks TLS at the other end, so what counts is how far it came. */
const tunnel = (d: ProxyDoor, at = `127.0.0.1:${echo.port}`) => look(d, `https://${at}/`);

describe('a door', () => {
  it('leads by an HTTP proxy with a name and a password', async () => {
    const { got, fault } = await look(await door({}));
    expect([got, fault]).toEqual([{ status: 200, text: '127.0.0.1', ms: expect.any(Number) }, null]);
    expect(http.seen.at(-1)).toBe(`127.0.0.1:${echo.port}`);
  });
  it('leads by a SOCKS5 proxy with a name and a password', async () => {
    const { got, fault } = await look(await door(bySocks()), `${echo.url}json`);
    expect([exitOf((got as { text: string }).text), fault]).toEqual(['127.0.0.1', null]);
    expect(socks.seen.at(-1)).toBe(`127.0.0.1:${echo.port}`);
  });
  it('leads by a proxy behind TLS whose certificate is good, and by no other', async () => {
    const spec = { protocol: 'https', server: `localhost:${https.port}` } as const;
    for (const how of [look, tunnel]) expect((await how(await door(spec))).fault).toMatch(/certificate is not good|does not let the request through/);
    expect(https.seen).toEqual([]);
    globalAgent.options.ca = CERTIFICATE.cert;
    try {
      expect(await look(await door(spec))).toMatchObject({ got: { status: 200, text: '127.0.0.1' }, fault: null });
      await tunnel(await door(spec));
      expect(https.seen).toEqual([`127.0.0.1:${echo.port}`, `127.0.0.1:${echo.port}`]);
    } finally {
      delete globalAgent.options.ca;
    }
  });
  it('takes tunnels too', async () => {
    for (const [spec, seen] of [[{}, http.seen], [bySocks(), socks.seen]] as const) {
      const before = seen.length;
      const { fault } = await tunnel(await door(spec));
      expect([seen.length, fault]).toEqual([before + 1, null]);
    }
  });

  const dead = async () => `127.0.0.1:${await deadPort()}`;
  it.each([
    ['a wrong password, plainly', {}, 'wrong', look, 'it refuses the user name or password'],
    ['a wrong password, by a tunnel', {}, 'wrong', tunnel, 'it refuses the user name or password'],
    ['a wrong password of SOCKS5, by a tunnel', 'socks', 'wrong', tunnel, 'it refuses the user name or password'],
    ['nobody there, plainly', 'dead', WORD, look, 'it refuses the connection'],
    ['nobody there, by a tunnel', 'dead', WORD, tunnel, 'it refuses the connection'],
    ['nobody there for SOCKS5', 'dead-socks', WORD, tunnel, 'it refuses the connection'],
  ] as const)('breaks the connection and knows why: %s', async (_, what, word, how, why) => {
    const spec = what === 'socks' ? bySocks() : what === 'dead' ? { server: await dead() } : what === 'dead-socks' ? { protocol: 'socks5' as const, server: await dead() } : what;
    const { got, fault } = await how(await door(spec, word));
    expect([got instanceof Error, fault]).toEqual([true, why]);
  });
  it('does not blame the proxy for a site that is not there', async () => {
    const nowhere = `127.0.0.1:${await deadPort()}`;
    expect((await tunnel(await door(bySocks()), nowhere)).fault).toBeNull();
    const { got, fault } = await look(await door({}), `${echo.url}503`);
    expect([(got as { status: number }).status, fault]).toEqual([503, null]);
  });
  it('refuses what is no address', async () => {
    await expect(openDoor({ protocol: 'http', server: 'a b:1', username: null }, '', 'x')).rejects.toThrow('is no address');
  });
});

describe('an error of work by a proxy', () => {
  const spec = { protocol: 'http', server: 'p.example:1', username: null } as const;
  it('is the proxy\'s where it failed, whatever the site seemed to say', () => {
    expect(proxyFault(new WorkerFault('logged-out', 'the login page came'), spec, 'it drops the connection')).toMatchObject({ kind: 'proxy', message: 'the proxy p.example:1 fails: it drops the connection', sent: 'no' });
    expect(proxyFault(new WorkerFault('network', 'reset', 'maybe'), spec, 'it drops the connection')).toMatchObject({ kind: 'proxy', sent: 'maybe' });
    const evidence = { picture: 'page.png', trace: null };
    expect(faultOf(proxyFault(withEvidence(new WorkerFault('network', 'reset'), evidence), spec, 'it drops the connection'))).toMatchObject({ kind: 'proxy', evidence });
  });
  it('stays what it is where the proxy did well, or somebody knows better', () => {
    const error = new WorkerFault('logged-out', 'x');
    expect(proxyFault(error, spec, null)).toBe(error);
    const fenced = new WorkerFault('fenced', 'x');
    expect(proxyFault(fenced, spec, 'it drops the connection')).toBe(fenced);
  });
});

describe('the address that an echo names', () => {
  it.each([['203.0.113.7\n', '203.0.113.7'], ['{"ip":"2001:db8::1"}', '2001:db8::1'], ['{"origin": "198.51.100.4, 10.0.0.1"}', '198.51.100.4'], ['<html>hello</html>', null], ['', null]])('%j', (text, ip) => expect(exitOf(text)).toBe(ip));
});
