import { textTable } from '../text-table.ts';
import { openTools, type ToolInfo } from '../tools/registry.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'tools';
export const summary = 'list the tools of windows, or what one takes';
export const usage = `Usage: troupe tools [TOOL] [--json]

Lists the tools that tasks, \`troupe run\`, /rpc and MCP use. With TOOL: its arguments.
Tools of one's own are JSON files in TROUPE_TOOLS_DIR; a file that is none is shown with the reason, and exit code 1.`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' } }, { most: 1, names: 'TOOL' });
  const tools = openTools(ctx.config().toolsDir);
  const all = tools.list();
  if (rest[0] !== undefined) {
    const one = all.find((t) => t.name === rest[0]);
    if (!one) throw new UsageError(`there is no tool ${JSON.stringify(rest[0].slice(0, 60))}; \`troupe tools\` lists them`);
    if (flags.json) ctx.out(JSON.stringify(one, null, 2));
    else for (const line of described(one)) ctx.out(line);
    return 0;
  }
  if (flags.json) ctx.out(JSON.stringify({ tools: all, failed: tools.failed }, null, 2));
  else {
    for (const line of textTable(['TOOL', 'WHAT', 'TAKES'], all.map((t) => [t.own ? `${t.name} *` : t.name, t.title, fieldsOf(t).filter((f) => f.required).map((f) => f.name).join(', ')]))) ctx.out(line);
    for (const { file, reason } of tools.failed) ctx.err(`troupe: tool ${file} is left out: ${reason}`);
  }
  return tools.failed.length > 0 ? 1 : 0;
}

type Field = { name: string; required: boolean; type: string; what: string };

function fieldsOf(t: ToolInfo): Field[] {
  const { properties = {}, required = [] } = t.schema as { properties?: Record<string, { type?: string; enum?: string[]; description?: string; default?: unknown }>; required?: string[] };
  return Object.entries(properties).map(([name, p]) => ({
    name, required: required.includes(name) && p.default === undefined, type: p.enum?.join('|') ?? p.type ?? 'any',
    what: `${p.description ?? ''}${p.default === undefined ? '' : ` (${JSON.stringify(p.default)})`}`.trim(),
  }));
}

function described(t: ToolInfo): string[] {
  return [`${t.name}: ${t.title}`, t.description, '', ...textTable(['ARGUMENT', 'TYPE', 'MEANING'], fieldsOf(t).map((f) => [f.required ? `${f.name} !` : f.name, f.type, f.what])), '', '! must be given'];
}
