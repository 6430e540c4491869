import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { issueText } from './issue-text.ts';
import { defineTool, type Tool, type ToolIo } from './tool.ts';
import { fill, holesOf } from './fill.ts';

/** A file that is no tool, and why. */
export type FailedTool = { file: string; reason: string };

const jsonTool = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{1,59}$/, 'must be 2 to 60 of a-z, 0-9 and _, a letter first'),
  title: z.string().min(1).max(100).optional(),
  description: z.string().min(1).max(2000),
  /** JSON Schema of the arguments. */
  input: z.looseObject({ type: z.literal('object') }).default({ type: 'object', properties: {} }),
  steps: z.array(z.strictObject({ tool: z.string().min(1).max(60), args: z.record(z.string(), z.unknown()).default({}), note: z.string().max(500).optional() })).min(1).max(50),
  /** What is answered, with holes; the last step's value when absent. */
  output: z.unknown().optional(),
  timeoutMs: z.number().int().min(100).max(120_000).optional(),
});

/**
 * The tools of a folder: one JSON file each, `{name, title?, description, input, steps: [{tool, args}], output?, timeoutMs?}`.
 * `{{param}}` in args is an argument, `{{steps.0.title}}` a field of an earlier step's answer. A file that is no tool is left out and told.
 */
export function loadJsonTools(dir: string, taken: readonly string[]): { tools: Tool[]; failed: FailedTool[] } {
  const tools: Tool[] = [];
  const failed: FailedTool[] = [];
  if (!existsSync(dir)) return { tools, failed: [{ file: dir, reason: 'TROUPE_TOOLS_DIR names a folder that is not there' }] };
  for (const file of readdirSync(dir).filter((f) => f.endsWith('.json')).sort()) {
    try {
      const tool = readTool(readFileSync(join(dir, file), 'utf8'));
      if (taken.includes(tool.name) || tools.some((t) => t.name === tool.name)) throw new Error(`name: ${tool.name} is taken already: choose another`);
      tools.push(tool);
    } catch (error) {
      failed.push({ file, reason: (error as Error).message.slice(0, 300) });
    }
  }
  return { tools, failed };
}

function readTool(text: string): Tool {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as Error).message}`);
  }
  const read = jsonTool.safeParse(json);
  if (!read.success) throw new Error(issueText(read.error));
  const { name, description, steps, output, timeoutMs } = read.data;
  const input = inputOf(read.data.input);
  const known = new Set(Object.keys(input.shape));
  for (const [i, step] of steps.entries()) {
    for (const hole of holesOf(step.args)) {
      const at = /^steps\.(\d+)(\.|$)/.exec(hole);
      if (at ? Number(at[1]) >= i : !known.has(hole.split('.')[0]!)) throw new Error(`steps.${i}.args: {{${hole}}} is ${at ? 'no earlier step' : 'no argument of input'}`);
    }
  }
  return defineTool({
    name, title: read.data.title ?? name, description, input, limitMs: timeoutMs ?? 60_000, audited: true,
    run: (io, args) => runSteps(io, steps, args, output),
  });
}

function inputOf(schema: object): z.ZodObject {
  let made: unknown;
  try {
    made = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    throw new Error(`input: is no JSON Schema that can be used: ${(error as Error).message}`);
  }
  if (!(made instanceof z.ZodObject)) throw new Error('input: must describe an object by its properties');
  return made;
}

async function runSteps(io: ToolIo, steps: { tool: string; args: Record<string, unknown> }[], args: Record<string, unknown>, output: unknown): Promise<unknown> {
  const done: unknown[] = [];
  for (const step of steps) {
    const given = fill(step.args, { ...args, steps: done }) as Record<string, unknown>;
    done.push(await io.run(step.tool, given));
  }
  return output === undefined ? done.at(-1) : fill(output, { ...args, steps: done });
}
