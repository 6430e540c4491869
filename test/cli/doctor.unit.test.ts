import { expect, it } from 'vitest';
import { clock, node, settings } from '../../runtime/doctor.ts';

it('judges Node by its version', () => {
  expect(['18.20.0', '20.18.9'].map((v) => node(v).is)).toEqual(['fail', 'fail']);
  expect(['20.19.0', '22.0.0', '24.1.0'].map((v) => node(v).is)).toEqual(['ok', 'ok', 'ok']);
});

it('doubts a clock that is older than Troupe', () => {
  expect(clock(0)).toMatchObject({ is: 'fail', what: 'the clock says 1970-01-01T00:00:00.000Z' });
  expect(clock(Date.UTC(2027, 0, 1)).is).toBe('ok');
});

it('finds mistyped names', () => {
  expect(settings({ TROUPE_DEMOO: '0', PATH: '/bin' })).toMatchObject({ is: 'warn', what: 'TROUPE_DEMOO means nothing to Troupe', fix: 'did you mean TROUPE_DEMO?' });
  expect(settings({ TROUPE_DEMO: '0', TROUPE_CRASH_AT: 'x' }).is).toBe('ok');
});
