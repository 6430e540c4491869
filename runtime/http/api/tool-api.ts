import { z } from 'zod';
import { readJson, checked } from '../body.ts';
import type { Call } from '../call.ts';
import { api, type Route } from '../routes.ts';
import { directTool } from '../windows/direct-tool.ts';
import { pictureOf } from '../windows/pictures.ts';
import { placeOfAgent } from '../windows/place.ts';
import { mount } from './respond.ts';
import { id, readQuery } from './query.ts';

const TAG = 'tools';
const picture = z.object({ width: z.string().regex(/^\d{2,4}$/, 'must be 64 to 1920').transform(Number).refine((n) => n >= 64 && n <= 1920, 'must be 64 to 1920').default(640).meta({ description: 'px; 640 when absent' }) });
const rpc = z.looseObject({ agentId: id.optional(), agent_id: id.optional() }).refine((b) => b.agentId ?? b.agent_id, { message: 'is required: which agent', path: ['agentId'] });
const running = z.strictObject({ tool: z.string().min(1).max(64), args: z.record(z.string(), z.unknown()).default({}) });
const args = z.record(z.string(), z.unknown());

/** Tools as they are: an answer's names are the page's own and stay as they are on both mounts. */
const plain = (body: unknown): Response => new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json; charset=utf-8' } });

/** Tools of windows: which there are, and running one now. */
export const toolApi = (): Route[] => [
  ...mount('get', '/tools', 'read', { tag: TAG, summary: 'The tools, with the JSON Schema of what each takes; and files that are none', answer: '{success, tools, failed}' }, (call) => plain({ success: true, tools: call.d.tools.list(), failed: call.d.tools.failed })),
  ...mount('get', '/agents/:id/screenshot', 'read', { tag: TAG, summary: 'What an agent\'s page shows, as JPEG, at most a second old', query: picture, answer: 'image/jpeg', also: { 409: 'it has no window now' } }, async (call) => {
    const { width } = readQuery(call, picture);
    const bytes = await pictureOf(call.d, placeOfAgent(call.d, call.param('id')), width);
    return new Response(bytes as BodyInit, { headers: { 'Content-Type': 'image/jpeg', 'Content-Security-Policy': "default-src 'none'" } });
  }),
  api('post', '/rpc/:tool', 'operate', { tag: TAG, summary: 'Run a tool in an agent\'s window now: {agentId, …its arguments}', body: rpc, answer: '{success, result}', also: { 409: 'somebody has the window, and who' } }, async (call) => {
    const { agentId, agent_id, ...given } = checked(rpc, await readJson(call.c)) as { agentId?: string; agent_id?: string };
    return run(call, (agentId ?? agent_id)!, call.param('tool'), given);
  }),
  ...mount('post', '/agents/:id/tools', 'operate', { tag: TAG, summary: 'Run a tool in an agent\'s window now', body: running, answer: '{success, result}', also: { 409: 'somebody has the window, and who' } }, async (call) => {
    const given = checked(running, await readJson(call.c));
    return run(call, call.param('id'), given.tool, given.args);
  }),
  ...mount('post', '/agents/:id/tools/:tool', 'operate', { tag: TAG, summary: 'The same with the tool in the path and its arguments as the body', body: args, answer: '{success, result}', also: { 409: 'somebody has the window, and who' } }, async (call) => run(call, call.param('id'), call.param('tool'), checked(args, await readJson(call.c)))),
];

async function run(call: Call, agent: string, tool: string, given: Record<string, unknown>): Promise<Response> {
  return plain({ success: true, agent, tool, result: await directTool(call, placeOfAgent(call.d, agent), tool, given) });
}
