import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema, type CallToolResult, type Tool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { agentFields } from '../../actors/agent.ts';
import { taskFields } from '../../actors/task.ts';
import { ID } from '../../transport/subjects.ts';
import { issueText } from '../tools/issue-text.ts';
import type { Kept } from '../tools/tool.ts';
import type { McpBackend } from './backend.ts';

const id = z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens');
const AGENT = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'which agent\'s window; list_agents and create_agent know them' };

type Own = { title: string; description: string; input: z.ZodType; reads: boolean; run(b: McpBackend, args: any): Promise<object> };

/** Beside the tools of windows: agents and tasks themselves. */
const OWN: Record<string, Own> = {
  list_agents: { title: 'List agents', description: 'The agents that are open, with worker, state, address and current task.', input: z.strictObject({}), reads: true, run: async (b) => ({ agents: await b.listAgents() }) },
  create_agent: { title: 'Open an agent', description: 'Opens a new browser window on a worker with room. Answers its id at once; list_agents says when it is idle.', input: agentFields, reads: false, run: (b, args) => b.createAgent(args) },
  close_agent: { title: 'Close an agent', description: 'Closes an agent and its window.', input: z.strictObject({ agent: id }), reads: false, run: (b, { agent }) => b.closeAgent(agent) },
  create_task: { title: 'Create a task', description: 'Puts a task into the queue: actions in a window, or a shell command. Answers its id at once.', input: taskFields, reads: false, run: (b, args) => b.createTask(args) },
  get_task: { title: 'Look at a task', description: 'State, progress, result and error of a task.', input: z.strictObject({ task: id }), reads: true, run: (b, { task }) => b.getTask(task) },
  cancel_task: { title: 'Cancel a task', description: 'Cancels a task in whatever state it is.', input: z.strictObject({ task: id }), reads: false, run: (b, { task }) => b.cancelTask(task) },
};
const LOOKING = new Set(['screenshot', 'snapshot', 'extract', 'wait_for', 'pdf']);

/** An MCP server over whatever transport it is connected to. Tools of windows take `agent` besides their own arguments. */
export function mcpServer(b: McpBackend): Server {
  const server = new Server({ name: 'troupe', version: b.version }, { capabilities: { tools: {} }, instructions: 'Troupe drives browser windows on many machines. Open an agent (create_agent), wait until list_agents says it is idle, then use the tools with its id as agent. snapshot gives refs that click and type take.' });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...Object.entries(OWN).map(([name, o]) => ownTool(name, o)), ...b.tools().map(windowTool)] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    try {
      return said(await call(b, params.name, params.arguments ?? {}));
    } catch (error) {
      return { isError: true, content: [{ type: 'text', text: (error as Error).message }] };
    }
  });
  return server;
}

async function call(b: McpBackend, name: string, args: Record<string, unknown>): Promise<unknown> {
  const own = Object.hasOwn(OWN, name) ? OWN[name] : undefined;
  if (own) {
    const read = own.input.safeParse(args);
    if (!read.success) throw new Error(`${name}: ${issueText(read.error)}`);
    return own.run(b, read.data);
  }
  const { agent, ...rest } = args;
  const who = id.safeParse(agent);
  if (!who.success) throw new Error(`${name}: agent: ${agent === undefined ? 'is required: which agent\'s window; list_agents knows them' : who.error.issues[0]!.message}`);
  return b.runTool(who.data, name, rest);
}

const ownTool = (name: string, o: Own): Tool => ({ name, title: o.title, description: o.description, inputSchema: jsonSchema(o.input), annotations: { readOnlyHint: o.reads, openWorldHint: false } });

function windowTool(t: ReturnType<McpBackend['tools']>[number]): Tool {
  const schema = t.schema as { properties?: Record<string, object>; required?: string[] };
  return { name: t.name, title: t.title, description: t.description, inputSchema: { ...schema, type: 'object', properties: { agent: AGENT, ...schema.properties }, required: ['agent', ...(schema.required ?? [])] }, annotations: { readOnlyHint: LOOKING.has(t.name), openWorldHint: true } };
}

function jsonSchema(schema: z.ZodType): Tool['inputSchema'] {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  return { ...rest, type: 'object' };
}

/** Pictures as pictures, all else as JSON text. */
function said(value: unknown): CallToolResult {
  const kept = value as Partial<Kept> | null;
  if (kept && typeof kept.base64 === 'string' && kept.type?.startsWith('image/')) {
    const { base64, ...rest } = kept;
    return { content: [{ type: 'image', data: base64, mimeType: kept.type }, { type: 'text', text: JSON.stringify(rest) }] };
  }
  return { content: [{ type: 'text', text: JSON.stringify(value ?? null) }], ...(value !== null && typeof value === 'object' && !Array.isArray(value) ? { structuredContent: value as Record<string, unknown> } : {}) };
}
