import { z } from 'zod';
import { agentMachine } from '../machines/agent.ts';
import { bind } from './binding.ts';
import { groupShape, idShape as id } from './id.ts';
import { webUrl } from './web-url.ts';


/** What an agent is made of. `worker` pins it; `shared` lets it take tasks that name no agent. */
export const agentFields = z.strictObject({
  name: z.string().trim().min(1, 'must not be empty').max(100).optional(),
  worker: id.nullable().default(null),
  group: groupShape.default('default'),
  account: id.nullable().default(null),
  url: webUrl.nullable().default(null),
  viewport: z.strictObject({ width: z.number().int().min(200).max(7680), height: z.number().int().min(200).max(4320) }).nullable().default(null),
  shared: z.boolean().default(true),
});
export type AgentFields = z.infer<typeof agentFields>;

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** One browser page that tasks work in. */
export const agent = bind({
  kind: 'agent',
  machine: agentMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: agentFields, input: (p, { id: self, by }) => ({ ...p, id: self, name: p.name ?? self, by }), made: (context) => ({ agent: context['id'], name: context['name'] }) },
    close: plain('CLOSE'),
    restart: plain('RESTART'),
  },
  events: { TASK: z.object({ task: id }), FREE: z.object({ task: id, ok: z.boolean().optional() }), CLOSE: nothing, RESTART: nothing },
  effects: { place: { on: 'master' }, keep: { on: 'worker' } },
});
