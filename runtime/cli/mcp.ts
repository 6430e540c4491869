import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { mcpServer } from '../mcp/mcp-server.ts';
import { operatorBackend } from '../mcp/operator-backend.ts';
import { Operator } from '../operator.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'mcp';
export const summary = 'serve the Model Context Protocol on standard input and output';
export const usage = `Usage: troupe mcp

For programs that start their MCP servers themselves: tools of windows with \`agent\` saying whose, and
create_agent, list_agents, close_agent, create_task, get_task, cancel_task. Speaks to NATS as the operator.
The same over HTTP: POST /mcp of the page, with a token of scope operate.`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  readArgs(args, {});
  const operator = await Operator.open(ctx.config());
  const server = mcpServer(operatorBackend(operator, ctx.config()));
  const ended = new Promise<void>((done) => {
    server.onclose = () => done();
    process.stdin.once('end', () => void server.close());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void server.close());
  });
  await server.connect(new StdioServerTransport());
  await ended;
  await operator.close();
  return 0;
}
