import { expect, it } from 'vitest';
import { detectGroup } from '../../runtime/worker/detect-group.ts';

const K8S = '/var/run/secrets/kubernetes.io';
const DOCKER = '/.dockerenv';
const at = (platform: NodeJS.Platform, paths: string[] = [], env: Record<string, string> = {}) => ({ platform, env, exists: (p: string) => paths.includes(p) });

it.each([
  ['what somebody said', 'gpu', 'troupe', at('linux', [K8S, DOCKER]), 'gpu'],
  ['a pod, also on a Docker runtime', null, 'troupe', at('linux', [K8S, DOCKER]), 'k8s'],
  ['a pod without a token', null, 'troupe', at('linux', [DOCKER], { KUBERNETES_SERVICE_HOST: '10.0.0.1' }), 'k8s'],
  ['a pod on a Docker runtime, as the seed has it', null, 'seed', at('linux', [K8S, DOCKER]), 'docker'],
  ['a container', null, 'troupe', at('linux', [DOCKER]), 'docker'],
  ['Linux', null, 'troupe', at('linux'), 'linux'],
  ['macOS', null, 'troupe', at('darwin'), 'darwin'],
  ['Windows', null, 'troupe', at('win32'), 'windows'],
  ['anything else', null, 'troupe', at('freebsd'), 'default'],
] as const)('the group of %s', (_, said, rule, place, group) => {
  expect(detectGroup(said, rule, place)).toBe(group);
});
