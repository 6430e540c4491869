import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type jsqrType from 'jsqr';
import { PNG } from 'pngjs';
import type { Replica } from '../replica.ts';
import { startSite } from './site/start-site.ts';

const jsqr = createRequire(import.meta.url)('jsqr') as typeof jsqrType.default;

/** The sandbox's own site in a folder that is gone afterwards, with a phone that scans. */
export async function start(): Promise<Replica> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const site = await startSite({ port: 0, dataDir });
  const control = async (path: string, body: object = {}): Promise<void> => {
    const answer = await fetch(`${site.url}/control/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`control/${path}: ${await answer.text()}`);
  };
  return {
    url: site.url,
    answer: async () => '',
    async confirm(qr) {
      const { data, width, height } = PNG.sync.read(qr);
      const url = jsqr(new Uint8ClampedArray(data), width, height)?.data ?? '';
      await (await fetch(url)).text();
      await fetch(`${site.url}/phone`, { method: 'POST', body: new URLSearchParams({ code: new URL(url).searchParams.get('code') ?? '', user: 'mei' }) });
    },
    expireCode: () => control('expire-qr'),
    logOutAll: () => control('logout-all'),
    addComment: (text) => control('comment', { user: 'visitor', post: 1, text }),
    addMessage: (text) => control('message', { user: 'visitor', to: 'mei', text }),
    sent: async () => ((await (await fetch(`${site.url}/control/ledger`)).json()) as { text: string }[]).map((row) => row.text),
    async stop() {
      await site.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
