import { z } from 'zod';
import { webUrl } from '../../../actors/web-url.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

const cookie = z.strictObject({
  name: z.string().min(1).max(300),
  value: z.string().max(4096),
  url: webUrl.optional(),
  domain: z.string().max(255).optional(),
  path: z.string().max(1000).optional(),
  expires: z.number().optional().describe('epoch seconds; -1 for the session'),
  httpOnly: z.boolean().optional(),
  secure: z.boolean().optional(),
  sameSite: z.enum(['Strict', 'Lax', 'None']).optional(),
});

export const cookies = defineTool({
  name: 'cookies',
  title: 'Cookies',
  description: 'Reads, sets or clears cookies of the window’s browser. In the browser of an account only their names can be read: its session stays sealed.',
  input: z.object({
    action: z.enum(['get', 'set', 'clear']).default('get'),
    urls: z.array(webUrl).max(20).default([]).describe('get: only what these addresses would be sent'),
    cookies: z.array(cookie).max(200).default([]).describe('set'),
    name: z.string().max(300).optional().describe('clear: only of this name'),
    domain: z.string().max(255).optional().describe('clear: only of this domain'),
  }),
  output: z.object({ cookies: z.array(z.unknown()), count: z.number() }),
  audited: true,
  async run(io, { action, urls, cookies: given, name, domain }) {
    const context = io.page.context();
    // A session is worth as much as a password: it leaves its browser for the vault alone.
    if (io.account !== null && action !== 'get') throw new ToolFault('refused', `cookies: ${action} is not possible in the browser of account ${io.account}: log the account in or out instead`, 'action');
    if (action === 'set') {
      const wrong = given.findIndex((c) => !c.url && !(c.domain && c.path));
      if (given.length === 0 || wrong >= 0) throw new ToolFault('invalid', given.length === 0 ? 'cookies: cookies: must hold at least one to set' : `cookies: cookies.${wrong}: needs url, or domain and path`, 'cookies');
      await context.addCookies(given);
    }
    if (action === 'clear') await context.clearCookies({ ...(name === undefined ? {} : { name }), ...(domain === undefined ? {} : { domain }) });
    const left = await context.cookies(urls);
    const shown = io.account === null ? left : left.map(({ value: _, ...rest }) => rest);
    return { cookies: action === 'get' ? shown : [], count: left.length };
  },
});
