import { readFile, stat } from 'node:fs/promises';
import type { CDPSession, Page } from 'playwright';
import { z } from 'zod';
import { fileName, kept } from '../kept.ts';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { webUrl } from '../../../actors/web-url.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

const LARGEST = 20_000_000;

export const download = defineTool({
  name: 'download',
  title: 'Download a file',
  description: 'Fetches a file by its address with the window’s cookies, or by clicking what starts a download. 20 MB at most.',
  input: z.object({ ...targetFields, url: webUrl.optional(), file: fileName.optional().describe('name to keep it under') }),
  output: kept,
  limitMs: 60_000,
  async run(io, { url, file, ...target }) {
    if (url) {
      const { body, type } = await fetchInBrowser(io.page, url, io.signal);
      return io.keep(file ?? nameOf(url), type, body);
    }
    if (!hasTarget(target)) throw new ToolFault('invalid', 'download: url: give url, or an element to click', 'url');
    return io.withDownloads(async () => {
      const starting = io.page.waitForEvent('download', { timeout: io.timeoutMs });
      starting.catch(() => undefined);
      await onElement(io.page, 'download', target, io.timeoutMs, (element, timeout) => element.click({ timeout, noWaitAfter: true }));
      const found = await starting.catch(() => {
        throw new ToolFault('timeout', `download: no download began within ${io.timeoutMs} ms after the click`);
      });
      const cancel = () => void found.cancel().catch(() => undefined);
      io.signal.addEventListener('abort', cancel, { once: true });
      try {
        const failure = await found.failure();
        if (failure) throw new ToolFault('tool-failed', `download: it was cut short: ${failure}`);
        const path = await found.path();
        if ((await stat(path)).size > LARGEST) throw new ToolFault('tool-failed', `download: the file is larger than ${LARGEST} bytes`);
        return await io.keep(file ?? safe(found.suggestedFilename()), 'application/octet-stream', await readFile(path));
      } finally {
        io.signal.removeEventListener('abort', cancel);
        await found.delete().catch(() => undefined);
      }
    });
  },
});

/** By the browser's own network, so that its walls, proxy and cookies hold. */
async function fetchInBrowser(page: Page, url: string, signal: AbortSignal): Promise<{ body: Buffer; type: string }> {
  const cdp = await page.context().newCDPSession(page);
  try {
    await cdp.send('Page.enable');
    const { frameTree } = await cdp.send('Page.getFrameTree');
    const { resource } = await cdp.send('Network.loadNetworkResource', { frameId: frameTree.frame.id, url, options: { disableCache: false, includeCredentials: true } });
    if (!resource.success || !resource.stream) throw new ToolFault('navigation', `download: ${resource.httpStatusCode ? `the server answered ${resource.httpStatusCode}` : `the address can't be reached (${resource.netErrorName ?? 'no answer'})`}`, 'url');
    const body = await readStream(cdp, resource.stream, signal);
    const type = Object.entries(resource.headers ?? {}).find(([k]) => k.toLowerCase() === 'content-type')?.[1];
    return { body, type: typeof type === 'string' ? type.split(';')[0]!.trim().slice(0, 100) : 'application/octet-stream' };
  } finally {
    await cdp.detach().catch(() => undefined);
  }
}

async function readStream(cdp: CDPSession, handle: string, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let size = 0; ; ) {
    signal.throwIfAborted();
    const { data, base64Encoded, eof } = await cdp.send('IO.read', { handle, size: 262_144 });
    const part = Buffer.from(data, base64Encoded ? 'base64' : 'utf8');
    parts.push(part);
    if ((size += part.length) > LARGEST) throw new ToolFault('tool-failed', `download: the file is larger than ${LARGEST} bytes`);
    if (eof) break;
  }
  await cdp.send('IO.close', { handle }).catch(() => undefined);
  return Buffer.concat(parts);
}

const nameOf = (url: string): string => safe(decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? ''));
const safe = (name: string): string => name.replace(/[^\w. -]+/g, '-').replace(/^[^\w]+/, '').slice(0, 100) || 'download';
