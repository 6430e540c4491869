import type { z } from 'zod';
import { issueText } from './issue-text.ts';
import type { ToolRegistry } from './registry.ts';
import type { Tool, ToolIo } from './tool.ts';
import { ToolFault, toolFault } from './tool-fault.ts';

/** The largest answer, as JSON characters. */
export const LARGEST = 256_000;
const DEEPEST = 4;
/** The tool's own waits end first, since they know better what was missing. */
const GRACE = 1000;

export type ToolPlace = Omit<ToolIo, 'signal' | 'timeoutMs' | 'run' | 'page'> & { page(): ToolIo['page'] };

/** Runs one tool within its time. Throws ToolFault, whatever went wrong; an abort throws the signal's reason. */
export async function runTool(tools: ToolRegistry, name: string, args: unknown, place: ToolPlace, signal: AbortSignal, depth = 0): Promise<unknown> {
  if (depth > DEEPEST) throw new ToolFault('invalid', `${name}: tools of tools go ${DEEPEST} deep at most`);
  const { tool, given } = readArguments(tools, name, args);
  const limit = given.timeoutMs ?? tool.limitMs;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new ToolFault('timeout', `${name}: took over ${limit} ms: raise timeoutMs, or wait for less`)), limit + GRACE);
  const both = AbortSignal.any([signal, late.signal]);
  const io: ToolIo = {
    ...place, page: place.page(), signal: both,
    timeoutMs: limit,
    run: (inner, innerArgs) => runTool(tools, inner, innerArgs, place, both, depth + 1),
  };
  try {
    const value = await race(tool.run(io, given), both);
    const text = JSON.stringify(value ?? null);
    if (text.length > LARGEST) throw new ToolFault('tool-failed', `${name}: the answer has ${text.length} characters, ${LARGEST} at most: ask for less`);
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw toolFault(name, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The tool and its arguments, filled in. Throws ToolFault where there is no such tool, or it can't take them. */
export function readArguments(tools: ToolRegistry, name: string, args: unknown): { tool: Tool; given: { timeoutMs?: number } } {
  const tool = tools.find(name);
  const read = tool.input.safeParse(args ?? {});
  if (!read.success) throw invalidArguments(name, read.error);
  return { tool, given: read.data as { timeoutMs?: number } };
}

/** What is wrong with the arguments, by field. */
function invalidArguments(name: string, error: z.ZodError): ToolFault {
  const text = issueText(error);
  return new ToolFault('invalid', `${name}: ${text}`, /^([\w.]+): /.exec(text)?.[1] ?? null);
}

async function race<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stop!: () => void;
  const end = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
