import { Script } from 'node:vm';
import { z } from 'zod';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

const LARGEST = 64_000;

export const execJs = defineTool({
  name: 'exec_js',
  title: 'Run JavaScript in the page',
  description: 'Runs JavaScript in the page and answers its value as JSON: an expression, or statements with return; await works, and `args` holds what is given there.',
  input: z.object({
    script: z.string().min(1).max(100_000).optional().describe('expression, or statements with return'),
    code: z.string().min(1).max(100_000).optional().describe('the same, by its older name'),
    args: z.unknown().optional().describe('any JSON, in the script as args'),
  }),
  output: z.object({ value: z.unknown() }),
  audited: true,
  async run(io, { script, code, args }) {
    const source = script ?? code;
    if (source === undefined) throw new ToolFault('invalid', 'exec_js: script: is required', 'script');
    const body = bodyOf(source);
    const cdp = await io.page.context().newCDPSession(io.page);
    // A script that never ends would hold the page for ever.
    const end = () => void cdp.send('Runtime.terminateExecution').catch(() => undefined);
    io.signal.addEventListener('abort', end, { once: true });
    try {
      const text = await io.page.evaluate<string | number>(`(async () => { const v = await (async (args) => {${body}\n})(${JSON.stringify(args ?? null)}); const t = JSON.stringify(v === undefined ? null : v) ?? 'null'; return t.length > ${LARGEST} ? t.length : t; })()`);
      if (typeof text === 'number') throw new ToolFault('tool-failed', `exec_js: the value has ${text} characters as JSON, ${LARGEST} at most: return less`);
      return { value: JSON.parse(text) as unknown };
    } finally {
      io.signal.removeEventListener('abort', end);
      // One that the page's end cut short may be on its way still.
      if (!io.signal.aborted) await cdp.detach().catch(() => undefined);
    }
  },
});

/** An expression as a returned value, anything else as it is. Throws where it is neither. */
function bodyOf(source: string): string {
  const expression = `return (\n${source.trim().replace(/;+$/, '')}\n)`;
  for (const body of [expression, source]) {
    try {
      new Script(`(async (args) => {${body}\n})`);
      return body;
    } catch (error) {
      if (body === source) throw new ToolFault('invalid', `exec_js: script: ${(error as Error).message}`, 'script');
    }
  }
  return source;
}
