import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSite } from '../../platforms/sandbox/site/start-site.ts';
import type { Mood } from '../../platforms/sandbox/site/moods.ts';

type Ledger = { id: number; user: string; target: string; text: string; at: number; nonce: string }[];

/** The sandbox site in a folder of its own, with a hand on its strings and a phone to confirm logins with. */
export async function demoSite(mood: Partial<Mood> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const site = await startSite({ port: 0, dataDir, mood });
  const control = async (path: string, body: object = {}): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${site.url}/control/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const json = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(`control/${path}: ${JSON.stringify(json)}`);
    return json;
  };
  return {
    url: site.url,
    control,
    ledger: async (): Promise<Ledger> => (await fetch(`${site.url}/control/ledger`)).json() as Promise<Ledger>,
    /** Opens the code's address as a phone does; returns the page. */
    scan: async (url: string): Promise<string> => (await fetch(url)).text(),
    /** Confirms a scanned code as `user`; returns the phone's page. */
    async confirm(url: string, user: string): Promise<string> {
      const code = new URL(url).searchParams.get('code') ?? '';
      return (await fetch(`${site.url}/phone`, { method: 'POST', body: new URLSearchParams({ code, user }) })).text();
    },
    async stop() {
      await site.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
export type DemoSite = Awaited<ReturnType<typeof demoSite>>;
