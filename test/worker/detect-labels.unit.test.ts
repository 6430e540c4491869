import { expect, it } from 'vitest';
import { detectLabels } from '../../runtime/worker/detect-labels.ts';

const GB = 1024 ** 3;
const at = (dirs: Record<string, string[]>, limitBytes?: number) => ({ cores: 8, totalBytes: 16 * GB, limitBytes, list: (dir: string) => dirs[dir] ?? [] });

it.each([
  ['a plain machine', at({}), { cpu: '8', memory: '16384', gpu: '0' }],
  ['two NVIDIA cards', at({ '/dev': ['nvidia0', 'nvidia1', 'nvidiactl', 'nvidia-uvm'], '/dev/dri': ['card0', 'renderD128'] }), { cpu: '8', memory: '16384', gpu: '2' }],
  ['a card that only renders', at({ '/dev': ['null'], '/dev/dri': ['by-path', 'card0', 'renderD128'] }), { cpu: '8', memory: '16384', gpu: '1' }],
  ['a container with a limit', at({}, 2 * GB), { cpu: '8', memory: '2048', gpu: '0' }],
  ['a cgroup without one', at({}, 2 ** 63), { cpu: '8', memory: '16384', gpu: '0' }],
] as const)('%s', (_, place, labels) => expect(detectLabels(place)).toEqual(labels));

it('finds something here', () => expect(detectLabels()).toEqual({ cpu: expect.stringMatching(/^[1-9]\d*$/), memory: expect.stringMatching(/^[1-9]\d+$/), gpu: expect.stringMatching(/^\d+$/) }));
