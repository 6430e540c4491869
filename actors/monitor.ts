import { z } from 'zod';
import { monitorMachine } from '../machines/monitor.ts';
import { bind } from './binding.ts';

const nothing = z.strictObject({});
const proxy = z.union([z.object({ id: z.string() }), z.object({ protocol: z.enum(['http', 'https', 'socks5']), server: z.string(), username: z.string().nullable() })]).nullable();

/** A monitor has no commands of its own: its account turns it on and off. */
export const monitor = bind({
  kind: 'monitor',
  machine: monitorMachine,
  stamp: true,
  onDemand: (id) => ({ id }),
  commands: {},
  events: {
    ON: z.object({ platform: z.string(), worker: z.string(), epoch: z.number(), interval: z.number(), proxy }),
    OFF: nothing,
    NOW: nothing,
    SETTINGS: z.object({ interval: z.number(), proxy }),
    END: nothing,
  },
  effects: { crawl: { on: 'worker' } },
});
