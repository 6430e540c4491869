import { describe, expect, it } from 'vitest';
import { gateOf } from '../../actors/gate.ts';
import { gateId, gateNameHint } from '../../runtime/http/work/gate-id.ts';

describe('the gate of a name', () => {
  it('is one that an actor may have, and holds what was named', () => {
    for (const [scope, name] of [['group', 'gpu'], ['queue', 'default.low'], ['queue', `${'g'.repeat(49)}.normal`], ['kind', 'shell'], ['account', 'a'.repeat(55)], ['platform', 'douyin']] as const) {
      const id = gateId(scope, name)!;
      expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
      expect(gateOf(id)).toEqual({ scope, name });
    }
    expect(gateId('fleet', '')).toBe('fleet');
  });
  it('is refused where its id would be too long, with the length that is not', () => {
    expect(gateId('queue', `${'g'.repeat(50)}.normal`)).toBeNull();
    expect(gateNameHint('queue')).toContain('49');
    expect(gateId('group', 'g'.repeat(57))).toBe(`group-${'g'.repeat(57)}`);
    expect(gateId('group', 'g'.repeat(58))).toBeNull();
    expect(gateNameHint('group')).toContain('57');
    for (const [scope, name] of [['queue', 'default'], ['queue', 'default.fast'], ['group', 'Gpu'], ['moon', 'x'], ['group', '']] as const) expect(gateId(scope, name), `${scope} ${name}`).toBeNull();
  });
});
