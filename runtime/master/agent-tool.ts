import { z } from 'zod';
import type { Mux } from '../../transport/mux.ts';
import { answer, type Answer, type Note, type WindowRequest } from '../../transport/protocol.ts';
import { subjects } from '../../transport/subjects.ts';
import { findAgent } from '../read-model/queries/agents.ts';
import type { Db } from '../read-model/store.ts';
import type { ToolRegistry } from '../tools/registry.ts';
import type { Common } from './commands.ts';

const PATIENCE = 55_000;
const asked = z.strictObject({ tool: z.string().min(1).max(64), args: z.record(z.string(), z.unknown()).default({}) });

const no = (code: string, message: string, field?: string): Answer => ({ ok: false, code, message, ...(field ? { field } : {}) });

/** `troupe.cmd.agent.<id>.tool` {tool, args}: one tool in the agent's window now, by any master. No turn is taken; what can do more than look is in the audit. */
export function agentTool(mux: Mux, db: Db, tools: ToolRegistry, master: string): Common {
  let n = 0;
  return async (to, payload, request) => {
    if (to.kind !== 'agent') return no('not_found', `a ${to.kind} has no window; only agents do`, 'kind');
    const read = asked.safeParse(payload);
    if (!read.success) return no('invalid', 'give {tool, args}, args as an object', read.error.issues[0]!.path.join('.') || 'tool');
    const { tool, args } = read.data;
    const agent = findAgent(db, to.id);
    if (!agent) return no('not_found', `there is no agent/${to.id}`, 'id');
    if (!agent.worker || !['opening', 'idle', 'busy'].includes(agent.status)) return no('conflict', `agent ${to.id} is ${agent.status}: it has no window now`);
    if (!tools.has(tool) || tools.find(tool).audited) {
      const line: Note = { is: 'audit', key: `${master}-tool-${Date.now().toString(36)}-${n++}`.slice(0, 100), at: Date.now(), by: request.by.slice(0, 100), about: `agent/${to.id}`, event: `tool ${tool}`.slice(0, 60), request: request.request ?? null };
      await mux.publish(subjects.note('audit', master), JSON.stringify(line), { 'Nats-Msg-Id': line.key });
    }
    const ask: WindowRequest = { op: 'tool', agent: to.id, tool, args, by: request.by.slice(0, 100) };
    try {
      return answer.parse((await mux.request(subjects.window(agent.worker), JSON.stringify(ask), { timeout: PATIENCE })).json());
    } catch (error) {
      return no('unavailable', `worker ${agent.worker} did not answer (${(error as Error).message})`);
    }
  };
}
