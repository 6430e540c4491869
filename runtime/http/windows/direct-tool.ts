import type { Call } from '../call.ts';
import { askWindow } from './ask-window.ts';
import type { Place } from './windows-port.ts';

const PATIENCE = 55_000;

/** Runs one tool in a window now, and keeps in the audit what can do more than look. Throws a Problem: 409 naming who has the window. */
export async function directTool(call: Call, place: Place, tool: string, args: Record<string, unknown>): Promise<unknown> {
  const { tools } = call.d;
  // A worker may have tools of its own folder that this process does not know.
  if (!tools.has(tool) || tools.find(tool).audited) await call.note(`tool ${tool}`.slice(0, 60), place.actor);
  const { value } = await askWindow(call.d, place, { op: 'tool', tool, args, by: call.by }, PATIENCE);
  return value ?? null;
}
