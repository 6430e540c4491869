import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import Database from 'better-sqlite3';
import { jetstream } from '@nats-io/jetstream';
import { afterEach, describe, expect, it } from 'vitest';
import { built, openStage, until, type Stage } from '../harness/stage.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection } from '../../transport/connection.ts';

let stage: Stage;
afterEach(() => stage.close());

const rows = (file: string): string[] => {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare('SELECT message FROM worker_logs ORDER BY id').pluck().all() as string[];
  } finally {
    db.close();
  }
};

describe('the view, killed while it writes', () => {
  for (const bug of ['', 'position-outside-transaction']) {
    it(bug ? 'writes rows twice when its position is outside their transaction' : 'has every row once', async () => {
      stage = await openStage();
      // A master makes the streams.
      await stage.kill(await stage.master());
      const nc = await openConnection(natsLogin(stage.config, 'master'));
      const js = jetstream(nc);
      const sent = Array.from({ length: 60 }, (_, i) => `line ${i}`);
      const file = `${stage.config.dataDir}/view.db`;
      const feed = (more: Record<string, string>): ChildProcess =>
        spawn(process.execPath, [built('test', 'harness', 'feed.js')], {
          env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], PARTITIONS: '4', DB_PATH: file, ...more },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
      for (const line of sent.slice(0, 30)) await js.publish('troupe.log.w1.info', JSON.stringify({ message: line, category: 'system', at: Date.now() }));
      const first = feed({ DIE_AFTER: '30', ...(bug ? { SEEDED_BUG: bug } : {}) });
      await once(first, 'exit');
      expect(first.signalCode).toBe('SIGKILL');
      for (const line of sent.slice(30)) await js.publish('troupe.log.w1.info', JSON.stringify({ message: line, category: 'system', at: Date.now() }));
      const second = feed({});
      await until(() => rows(file).includes('line 59'), 'the view is at the end');
      second.kill('SIGKILL');
      await once(second, 'exit');
      await nc.close();
      if (bug) expect(rows(file).length).toBeGreaterThan(60);
      else expect(rows(file)).toEqual(sent);
    });
  }
});
