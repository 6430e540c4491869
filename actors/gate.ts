import { z } from 'zod';
import { gateMachine } from '../machines/gate.ts';
import { bind } from './binding.ts';

const nothing = z.strictObject({});

/** Gates are named after what they hold: fleet, group-NAME, platform-NAME, account-NAME, queue-GROUP--LANE, kind-TYPE. Each is there from its first pause. */
export const gate = bind({
  kind: 'gate',
  machine: gateMachine,
  stamp: true,
  onDemand: (id) => ({ id }),
  commands: {
    pause: { schema: z.strictObject({ reason: z.string().trim().max(300).default('') }), event: (p, { by }) => ({ type: 'PAUSE', reason: p.reason, by }) },
    resume: { schema: nothing, event: (_, { by }) => ({ type: 'RESUME', by }) },
  },
  events: { PAUSE: z.object({ reason: z.string().max(300).default('') }), RESUME: nothing },
  effects: {},
});

export type GateScope = 'fleet' | 'group' | 'platform' | 'account' | 'queue' | 'kind';

/** What a gate holds: `queue` is `<group>.<lane>`, the fleet's name is `fleet`. Null for an id that holds nothing. */
export function gateOf(id: string): { scope: GateScope; name: string } | null {
  if (id === 'fleet') return { scope: 'fleet', name: 'fleet' };
  const at = id.indexOf('-');
  const scope = id.slice(0, at) as GateScope;
  const name = id.slice(at + 1);
  if (scope === 'queue') {
    const lane = /^(.+)--(high|normal|low)$/.exec(name);
    return lane && { scope, name: `${lane[1]}.${lane[2]}` };
  }
  return ['group', 'platform', 'account', 'kind'].includes(scope) && name !== '' ? { scope, name } : null;
}
