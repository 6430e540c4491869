import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { randomBytes } from 'node:crypto';
import type { McpBackend } from '../mcp/backend.ts';
import { mcpServer } from '../mcp/mcp-server.ts';
import { findAgent, listAgents, type AgentRow } from '../read-model/queries/agents.ts';
import { findTask } from '../read-model/queries/tasks.ts';
import { found, type Call } from './call.ts';
import { Problem } from './problem.ts';
import { api, type Route } from './routes.ts';
import { directTool } from './windows/direct-tool.ts';
import { placeOfAgent } from './windows/place.ts';

const TAG = 'mcp';
const LARGEST = 4_000_000;

/** MCP over streamable HTTP, without sessions: each request stands by itself, so any process of the page may answer it. */
export const mcpRoutes = (): Route[] => [
  api('post', '/mcp', 'operate', { tag: TAG, summary: 'Model Context Protocol, streamable HTTP: JSON-RPC as its clients send it', answer: 'JSON-RPC' }, async (call) => {
    refuseForeignOrigin(call);
    if (call.who.via === 'session') throw new Problem(401, 'not_signed_in', 'send a token as Authorization: Bearer; a page\'s session is not enough', { headers: { 'WWW-Authenticate': 'Bearer realm="troupe"' } });
    if (Number(call.c.req.header('content-length') ?? 0) > LARGEST) throw new Problem(413, 'too_large', 'the request is larger than 4 MB: send less at once');
    const server = mcpServer(backend(call));
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      return await transport.handleRequest(call.c.req.raw);
    } finally {
      await server.close();
    }
  }),
];

/** A page of another site may reach this address with a person's browser: its Origin gives it away. */
function refuseForeignOrigin({ c }: Call): void {
  const origin = c.req.header('origin');
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== c.req.header('host'))) throw new Problem(403, 'forged', `Origin is ${origin.slice(0, 100)}, but this is ${c.req.header('host') ?? 'unknown'}`);
}

function backend(call: Call): McpBackend {
  const { db } = call.d;
  const fresh = (letter: string) => `${letter}${randomBytes(5).toString('hex')}`;
  return {
    version: call.d.version,
    tools: () => call.d.tools.list(),
    runTool: (agent, tool, args) => directTool(call, placeOfAgent(call.d, agent), tool, args),
    listAgents: async () => listAgents(db).map(shown),
    async createAgent(fields) {
      const id = fresh('g');
      const { state } = await call.command({ kind: 'agent', id }, 'create', fields, id);
      return { agent: id, state };
    },
    async closeAgent(agent) {
      found(findAgent(db, agent), `agent ${agent}`);
      const { state } = await call.command({ kind: 'agent', id: agent }, 'close');
      return { agent, state };
    },
    async createTask(fields) {
      const id = fresh('t');
      const made = await call.command({ kind: 'task', id }, 'create', fields, id);
      return { task: typeof made['task'] === 'string' ? made['task'] : id, number: made['number'] ?? null, state: made['state'] };
    },
    async getTask(task) {
      const row = findTask(db, task);
      if (row) return row;
      // One that was just made is not in the view yet.
      const { state, context } = await call.command({ kind: 'task', id: task }, 'inspect');
      return { ...(context as object), id: task, status: state };
    },
    async cancelTask(task) {
      const { state } = await call.command({ kind: 'task', id: task }, 'cancel');
      return { task, state };
    },
  };
}

const shown = (a: AgentRow): object => ({ agent: a.id, name: a.name, state: a.status, worker: a.worker, account: a.account, group: a.group, url: a.url, title: a.title, task: a.task, why: a.why, error: a.error });
