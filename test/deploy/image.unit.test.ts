import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';
import { FLOOR, isBelow } from '../../runtime/nats-server/find-server.ts';
import { deployDir, documents, unknownVariables } from './manifests.ts';

const file = readFileSync(join(deployDir, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const lines = file.split('\n');
const last = lines.slice(lines.findLastIndex((l) => l.startsWith('FROM')));
const setup = readFileSync(join(packageRoot(), 'scripts', 'nats-server.mjs'), 'utf8');
const ignored = readFileSync(join(packageRoot(), '.dockerignore'), 'utf8').split('\n');

describe('the image', () => {
  it('has the nats-server that set-up fetches', () => {
    const version = /^FROM nats:(\S+) AS nats$/m.exec(file)![1]!;
    expect(`v${version}`).toBe(/PINNED = '(\S+)'/.exec(setup)![1]);
    expect(isBelow(version, FLOOR)).toBe(false);
  });

  it('runs as the user of the compose and Kubernetes files', () => {
    expect(last).toContain('USER 10001:10001');
    expect(last.findLastIndex((l) => l.startsWith('USER'))).toBeLessThan(last.findIndex((l) => l.startsWith('ENTRYPOINT')));
  });

  it('sets what is read, and nothing secret', () => {
    const set = [...last.join('\n').matchAll(/^ENV (.*)$/gm)].flatMap((m) => m[1]!.split(' ').map((pair) => pair.split('=')[0]!));
    expect(set).toContain('TROUPE_DATA');
    expect(unknownVariables(set)).toEqual([]);
  });

  it('makes every folder that a volume of compose begins with, for its user', () => {
    const install = /install -d -o troupe -g troupe -m 0700 ([^&]*)/.exec(last.find((l) => l.includes('install -d'))!)![1]!.trim().split(/\s+/);
    const { services } = documents('compose.yaml')[0]! as { services: Record<string, { volumes: string[] }> };
    for (const v of Object.values(services).flatMap((s) => s.volumes)) expect(install).toContain(v.includes(':') ? v.split(':')[1] : v);
  });

  it('makes the folder of the token for whom Prometheus runs as: an empty volume takes its owner from there', () => {
    const { services } = documents('compose.monitoring.yaml')[0]! as { services: Record<string, { user: string; volumes: string[] }> };
    const [uid, gid] = services['prometheus']!.user.split(':');
    expect(services['token']!.volumes).toEqual(['prometheus-token:/token']);
    expect(last.join('\n')).toContain(`install -d -o ${uid} -g ${gid} -m 0700 /token`);
  });

  it('holds the two scripts, which the context lets through', () => {
    for (const script of ['deploy/probe.mjs', 'deploy/keys.mjs']) {
      expect(last.join('\n')).toContain(`/src/${script}`);
      expect(ignored).toContain(`!${script}`);
    }
    expect(ignored).toEqual(expect.arrayContaining(['.git', '.env', 'data', 'node_modules']));
  });
});
