import { writeFileSync } from 'node:fs';
import { ID } from '../../transport/subjects.ts';
import { withOperator } from '../operator.ts';
import { openTools } from '../tools/registry.ts';
import type { Kept } from '../tools/tool.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'run';
export const summary = 'run a tool in an agent\'s window now';
export const usage = `Usage: troupe run TOOL --agent ID [--arg NAME=VALUE]... [--args JSON] [--out FILE] [--json]

  --agent ID         whose window
  --arg NAME=VALUE   an argument; several; numbers, true, false, lists and objects as JSON
  --args JSON        arguments as one object; --arg wins
  --out FILE         where a picture, a PDF or a download goes
  --json             the answer as JSON

\`troupe tools\` lists the tools. Ends with 1 when the tool failed or somebody has the window, with 69 when nobody answers.`;

const PATIENCE = 60_000;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { agent: { type: 'string' }, arg: { type: 'string', multiple: true }, args: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } }, { least: 1, names: 'TOOL' });
  const tool = rest[0]!;
  if (!ID.test(flags.agent ?? '')) throw new UsageError(flags.agent === undefined ? '--agent is missing: whose window?' : `--agent ${JSON.stringify(flags.agent.slice(0, 80))}: must be an agent's id`);
  const given = { ...objectOf(flags.args), ...Object.fromEntries(((flags.arg ?? []) as unknown as string[]).map((a) => pairOf(a, schemaOf(ctx, tool)))) };
  return withOperator(ctx, async (operator) => {
    const answer = await operator.command({ kind: 'agent', id: flags.agent! }, 'tool', { tool, args: given }, undefined, PATIENCE);
    if (flags.json) ctx.out(JSON.stringify(flags.out && answer.ok ? { ...answer, value: withoutBytes(answer['value']) } : answer));
    if (!answer.ok) {
      if (!flags.json) ctx.err(`troupe: ${answer.message}`);
      return 1;
    }
    const kept = answer['value'] as Partial<Kept> | null;
    if (flags.out) {
      if (typeof kept?.base64 !== 'string') throw new UsageError(kept?.object ? `the file is too large to come this way: it is ${kept.object} in the bucket troupe-results` : `${tool} makes no file for --out`);
      writeFileSync(flags.out, Buffer.from(kept.base64, 'base64'));
    }
    if (!flags.json) ctx.out(typeof kept?.base64 === 'string' ? `${kept.name}, ${kept.type}, ${kept.bytes} bytes${flags.out ? ` in ${flags.out}` : ': give --out FILE to keep it'}` : JSON.stringify(answer['value'] ?? null, null, 2));
    return 0;
  });
}

const withoutBytes = (value: unknown): unknown => (value !== null && typeof value === 'object' && 'base64' in value ? { ...value, base64: undefined } : value);

type Properties = Record<string, { type?: string | string[] }>;
const schemaOf = (ctx: VerbContext, tool: string): Properties => (openTools(ctx.config().toolsDir).list().find((t) => t.name === tool)?.schema as { properties?: Properties } | undefined)?.properties ?? {};

/** A text stays one where the tool takes a text; else it is read as JSON where it is any. */
function pairOf(arg: string, properties: Properties): [string, unknown] {
  const at = arg.indexOf('=');
  if (at < 1) throw new UsageError(`--arg ${JSON.stringify(arg.slice(0, 80))}: must be NAME=VALUE`);
  const [name, text] = [arg.slice(0, at), arg.slice(at + 1)];
  if (properties[name]?.type === 'string') return [name, text];
  try {
    return [name, JSON.parse(text) as unknown];
  } catch {
    return [name, text];
  }
}

function objectOf(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new UsageError(`--args ${JSON.stringify(text.slice(0, 80))}: must be a JSON object`);
}
