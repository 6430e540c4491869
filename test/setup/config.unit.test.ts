import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { ConfigError, describeConfig, isLoopback, loadConfig } from '../../runtime/config.ts';

const linesOf = (env: Record<string, string>): string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.exitCode).toBe(78);
    return error.lines;
  }
};

describe('loadConfig', () => {
  it('has a default for everything', () => {
    const c = loadConfig({});
    expect(c.nats.servers).toEqual(['nats://127.0.0.1:4222']);
    expect(c.http).toEqual({ host: '127.0.0.1', ports: [3000], maxSockets: 1000, authDisabled: false });
    expect(c.timing).toEqual({ heartbeat: 5000, suspect: 15000, offline: 25000, fence: 15000, lease: 20000, grace: 30000 });
    expect(c.worker.id).toBe('worker-1');
    expect(c.worker.port).toBe(4001);
    expect(c.partitions).toBe(16);
    expect(c.nats.sync).toBe('always');
    expect(c.secretsDir).toBe(`${c.dataDir}/secrets`);
  });

  it('reads PORT, LISTEN and the data folder by either name', () => {
    expect(loadConfig({ PORT: '8100' }).http.ports).toEqual([8100]);
    expect(loadConfig({ LISTEN: '3000, 8100,6767', PORT: '1' }).http.ports).toEqual([3000, 8100, 6767]);
    expect(loadConfig({ DATA_DIR: '/srv/a' }).dataDir).toBe('/srv/a');
    expect(loadConfig({ DATA_DIR: '/srv/a', TROUPE_DATA: '/srv/b' }).dataDir).toBe('/srv/b');
    expect(loadConfig({ WORKER_ID: 'worker-7' }).worker.port).toBe(4007);
  });

  it('derives NATS from the master, and NATS_URL wins', () => {
    expect(loadConfig({ MASTER_HOST: '10.0.0.5', MASTER_PORT: '3000' }).nats.servers).toEqual(['nats://10.0.0.5:4222']);
    expect(loadConfig({ MASTER_URL: 'http://boss:8100' }).nats.servers).toEqual(['nats://boss:4222']);
    expect(loadConfig({ MASTER_URL: 'http://boss:8100', NATS_URL: 'nats://bus:4333' }).nats.servers).toEqual(['nats://bus:4333']);
  });

  it('takes credentials out of NATS_URL', () => {
    const { nats } = loadConfig({ NATS_URL: 'nats://web:s%40cret@bus:4222' });
    expect(nats).toMatchObject({ servers: ['nats://bus:4222'], user: 'web', password: 's@cret' });
  });

  it.each([
    [{ PORT: '0' }, 'PORT="0": must be a port from 1 to 65535'],
    [{ PORT: '80a' }, 'PORT="80a": must be a port from 1 to 65535'],
    [{ LISTEN: '3000,' }, 'LISTEN="3000,": must be ports with commas'],
    [{ WORKER_ID: 'A b' }, 'WORKER_ID="A b": must be 1 to 63 of a-z'],
    [{ WORKER_ID: 'overview' }, 'WORKER_ID="overview"'],
    [{ MAX_ACCOUNTS: '101' }, 'MAX_ACCOUNTS="101": must be a whole number from 1 to 100'],
    [{ HEADLESS: 'maybe' }, 'HEADLESS="maybe": must be 1 or 0'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL="loud": must be one of trace, debug'],
    [{ TROUPE_SYNC: 'never' }, 'TROUPE_SYNC="never": must be `always` or a time like 10s'],
    [{ HEARTBEAT_INTERVAL_MS: '0' }, 'HEARTBEAT_INTERVAL_MS="0": must be a whole number'],
    [{ HEARTBEAT_INTERVAL_MS: '9000' }, 'OFFLINE_AFTER_MS=25000 must be at least 3 x HEARTBEAT_INTERVAL_MS=9000: raise OFFLINE_AFTER_MS to 27000 or more'],
    [{ LEASE_TTL_MS: '25000' }, 'LEASE_TTL_MS=25000 must be less than OFFLINE_AFTER_MS=25000'],
    [{ LEASE_FENCE_MS: '20000' }, 'LEASE_FENCE_MS=20000 must be less than LEASE_TTL_MS=20000'],
    [{ AUTH_DISABLED: '1', HOST: '0.0.0.0' }, 'AUTH_DISABLED=1 is allowed only while HOST is loopback'],
    [{ SANDBOX_PORT: '3000' }, 'SANDBOX_PORT=3000 is the page\'s own port'],
    [{ MASTER_HOST: 'a b' }, 'MASTER_HOST="a b": must be a host name'],
    [{ NATS_URL: 'nats://%zz@x' }, 'NATS_URL=…: must be an address'],
    [{ NATS_URL: 'http://x' }, 'NATS_URL=…: must be an address like nats://'],
  ])('refuses %j by name', (env, line) => {
    const lines = linesOf(env as unknown as Record<string, string>);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(line);
  });

  it('names every bad value at once and shows no secret', () => {
    const lines = linesOf({ PORT: 'x', HEADLESS: 'x', NATS_URL: 'mysql://me:hunter2@x' });
    expect(lines).toHaveLength(3);
    expect(lines.join()).not.toContain('hunter2');
  });

  it('gives a config or one line a fault, whatever the values', () => {
    const names = describeConfig().map((r) => r.name);
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom('a,b', '::', '-1', '1e3', '\u0000', 'nats://%zz@x', 'nats://a,nats://b', 'http://[::1]:1', '..', '1.2.3.4.5', 'a:b'))), (env) => {
      for (const line of linesOf(env)) {
        expect(line).not.toContain('\n');
        expect(names.some((n) => line.startsWith(`${n}=`))).toBe(true);
      }
    }), { numRuns: 2000 });
  });
});

it('describes each variable once, with help', () => {
  const rows = describeConfig();
  expect(new Set(rows.map((r) => r.name)).size).toBe(rows.length);
  expect(rows.every((r) => r.help.length > 0)).toBe(true);
  for (const name of ['WORKER_ID', 'PORT', 'MASTER_HOST', 'MASTER_PORT', 'NODE_ENV', 'LOG_LEVEL', 'MAX_ACCOUNTS', 'HEADLESS', 'DATA_DIR', 'DB_PATH', 'AGENT_PORT', 'MASTER_URL', 'DISPLAY', 'WORKER_GROUP']) {
    expect(rows.map((r) => r.name)).toContain(name);
  }
});

it('knows loopback', () => {
  expect(['127.0.0.1', '127.9.9.9', 'localhost', '::1'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '128.0.0.1', 'localhost.evil.example', '127.0.0.1.example'].some(isLoopback)).toBe(false);
});
