import { answer as answerShape, type WindowRequest } from '../../../transport/protocol.ts';
import { refusal } from '../problem.ts';
import type { Place, WindowsPort } from './windows-port.ts';

type Ask = WindowRequest extends infer R ? (R extends { agent: string } ? Omit<R, 'agent'> : never) : never;

/** What a window answers as JSON. Throws a Problem where it says no. */
export async function askWindow(d: { windows: WindowsPort }, place: Pick<Place, 'worker' | 'window'>, ask: Ask, timeoutMs = 15_000): Promise<{ ok: true; [key: string]: unknown }> {
  const bytes = await d.windows.ask(place.worker, { ...ask, agent: place.window } as WindowRequest, timeoutMs);
  const said = answerShape.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (said.ok) return said as { ok: true };
  throw refusal(said as Extract<typeof said, { ok: false }>);
}
