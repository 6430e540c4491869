import { z } from 'zod';

const MARK = 'TROUPE{';
const shape = z.union([
  z.object({ id: z.string(), ok: z.literal(true), value: z.unknown() }),
  z.object({ id: z.string(), ok: z.literal(false), kind: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
]);
export type Frame = z.infer<typeof shape>;

/** The reply to request `id` in what a machine wrote, whatever a login shell wrote around it; null when it isn't there. */
export function findFrame(output: string, id: string): Frame | null {
  for (const line of output.split(/\r?\n/)) {
    if (!line.startsWith(MARK)) continue;
    const frame = shape.safeParse(parse(line.slice(MARK.length - 1)));
    if (frame.success && frame.data.id === id) return frame.data;
  }
  return null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
