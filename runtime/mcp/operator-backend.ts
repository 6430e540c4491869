import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../../transport/protocol.ts';
import type { Config } from '../config.ts';
import type { Operator } from '../operator.ts';
import { packageRoot } from '../package-root.ts';
import { listAgents } from '../read-model/queries/agents.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { openTools } from '../tools/registry.ts';
import type { McpBackend } from './backend.ts';

const TOOL = 60_000;

/** What a terminal's MCP server stands on: commands over NATS alone. */
export function operatorBackend(operator: Pick<Operator, 'command' | 'nc'>, config: Config): McpBackend {
  const tools = openTools(config.toolsDir);
  const fresh = (letter: string) => `${letter}${randomBytes(5).toString('hex')}`;
  const command = async (kind: string, id: string, verb: string, payload: unknown = {}, timeout?: number) => good(await operator.command({ kind, id }, verb, payload, undefined, timeout));
  return {
    version: (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version,
    tools: () => tools.list(),
    runTool: async (agent, tool, args) => (await command('agent', agent, 'tool', { tool, args }, TOOL))['value'],
    listAgents: async () => listAgents(await viewFromJournal(operator.nc, ['agent'])).map((a) => ({ agent: a.id, name: a.name, state: a.status, worker: a.worker, account: a.account, group: a.group, url: a.url, title: a.title, task: a.task, why: a.why, error: a.error })),
    async createAgent(fields) {
      const id = fresh('g');
      return { agent: id, state: (await command('agent', id, 'create', fields))['state'] };
    },
    closeAgent: async (agent) => ({ agent, state: (await command('agent', agent, 'close'))['state'] }),
    async createTask(fields) {
      const id = fresh('t');
      const made = await command('task', id, 'create', fields);
      return { task: typeof made['task'] === 'string' ? made['task'] : id, number: made['number'] ?? null, state: made['state'] };
    },
    async getTask(task) {
      const { state, context } = (await command('task', task, 'inspect')) as unknown as { state: string; context: Record<string, unknown> };
      return { ...context, id: task, status: state };
    },
    cancelTask: async (task) => ({ task, state: (await command('task', task, 'cancel'))['state'] }),
  };
}

function good(answer: Answer): Extract<Answer, { ok: true }> {
  if (answer.ok) return answer as Extract<Answer, { ok: true }>;
  throw new Error((answer as { message: string }).message);
}
