import { effectInput, type TaskPayload } from '../../../transport/protocol.ts';
import { ToolFault } from '../../tools/tool-fault.ts';
import type { Kept } from '../../tools/tool.ts';
import { WorkerFault } from '../fault.ts';
import type { Window } from '../windows/window.ts';
import type { EffectContext } from './effect-context.ts';
import { Artefacts } from './artefacts.ts';
import { shell } from './shell.ts';
import type { WorkInput } from './work-input.ts';

/** One attempt of a task: its actions in order in a window, or its command. The runner ends it when its time is over. */
export async function work(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.work.parse(raw);
  const began = performance.now();
  const files = new Artefacts(ctx, input);
  try {
    const { result, agent } = await (input.type === 'shell' ? shell(ctx, input, files) : onPage(ctx, input, files));
    return { ...(await files.result(result)), artefacts: files.list, agent, ms: Math.round(performance.now() - began) };
  } catch (error) {
    const cause = ctx.signal.aborted ? ctx.signal.reason : error;
    if (cause instanceof WorkerFault && cause.kind === 'closed') throw new WorkerFault('crashed', `the window of the agent went away under the task: ${cause.message}`);
    throw cause;
  }
}

async function onPage(ctx: EffectContext, input: WorkInput, files: Artefacts): Promise<{ result: unknown; agent: string | null }> {
  const steps = stepsOf(input.payload);
  if (steps.length === 0) throw new WorkerFault('refused', 'the task has neither url nor actions: give it something to do');
  for (const [i, s] of steps.entries()) if (!ctx.tools.has(s.tool)) throw new WorkerFault('refused', `step ${i + 1}: this worker has no tool ${s.tool}`);
  const own = { name: `task-${input.task}`, spec: { account: input.account, proxy: input.proxy, viewport: null }, keep: input.payload.keep === true };
  return ctx.windows.use(input.agent, own, { task: input.task }, ctx.signal, async (window, both) => {
    ctx.emit({ type: 'STARTED', agent: input.agent });
    const values: unknown[] = [];
    for (const [i, step] of steps.entries()) {
      ctx.note({ level: 'info', text: `${i + 1}/${steps.length} ${step.tool}${step.note ? `: ${step.note}` : ''}`, step: i + 1, progress: i / steps.length });
      values.push(await oneStep(window, step, i, both));
    }
    ctx.note({ level: 'info', text: 'all steps are done', progress: 1 });
    return { result: resultOf(steps, values), agent: input.agent };
  });

  async function oneStep(window: Window, step: Step, i: number, both: AbortSignal): Promise<unknown> {
    ctx.assertHeld();
    const began = performance.now();
    try {
      const value = await ctx.windows.runTool(window, step.tool, step.args, both, files.keep);
      ctx.note({ level: 'info', text: `${step.tool} is done after ${Math.round(performance.now() - began)} ms: ${brief(value)}`, step: i + 1, progress: (i + 1) / steps.length });
      return value;
    } catch (error) {
      if (both.aborted) throw both.reason;
      const fault = error instanceof ToolFault ? error : new ToolFault('tool-failed', (error as Error).message);
      const message = `step ${i + 1} (${step.tool}): ${fault.message.replace(`${step.tool}: `, '')}`;
      ctx.note({ level: 'error', text: message, step: i + 1 });
      if (fault.kind !== 'crashed') await files.picture(window, both);
      throw new WorkerFault(KINDS[fault.kind] ?? 'tool-failed', message);
    }
  }
}

/** Bad arguments and tools that are not allowed fail the same way every time: they are never tried again. */
const KINDS: Record<string, string> = { invalid: 'refused', 'unknown-tool': 'refused', refused: 'refused', navigation: 'navigation', crashed: 'crashed' };

type Step = NonNullable<TaskPayload['actions']>[number];
const stepsOf = (payload: TaskPayload): Step[] => [...(payload.url ? [{ tool: 'navigate', args: { url: payload.url } }] : []), ...(payload.actions ?? [])];

/** What was extracted, by step where there are several; else what the last step answered. */
function resultOf(steps: readonly Step[], values: readonly unknown[]): unknown {
  const extracted = steps.flatMap((s, i) => (s.tool === 'extract' ? [{ key: s.note || `step-${i + 1}`, data: (values[i] as { data?: unknown } | null)?.data ?? null }] : []));
  if (extracted.length === 1) return extracted[0]!.data;
  return extracted.length > 1 ? Object.fromEntries(extracted.map((e) => [e.key, e.data])) : (values.at(-1) ?? null);
}

const brief = (value: unknown): string => {
  const kept = value as Partial<Kept> | null;
  const text = kept?.object ? `${kept.name} (${kept.bytes} bytes)` : JSON.stringify(value ?? null);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

