import { expect, it } from 'vitest';
import { withinLimits } from '../../runtime/read-model/within-limits.ts';

const machine = { cpu: '16', memory: '65536', gpu: '1' };

it('one that was started with limits has no more than they give it, and no less than its machine has', () => {
  expect(withinLimits(machine, { cpu_cores: 2, max_memory_mb: 2048 })).toEqual({ cpu: '2', memory: '2048', gpu: '1' });
  expect(withinLimits(machine, { cpu_cores: 64, max_memory_mb: 2048 })).toMatchObject({ cpu: '16', memory: '2048' });
  expect(withinLimits({}, { cpu_cores: 2, max_memory_mb: 2048 })).toEqual({ cpu: '2', memory: '2048' });
});

it('one that was started by hand has what it finds', () => expect(withinLimits(machine, null)).toEqual(machine));
