import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { workerFields } from '../../actors/worker.ts';
import type { Config } from '../../runtime/config.ts';
import { UserSweep } from '../../runtime/master/user-sweep.ts';
import { knownWorkers, usersFile, writeUsers } from '../../runtime/nats-server/users.ts';
import { Projection } from '../../runtime/read-model/projection.ts';
import { openForWriting, type Db } from '../../runtime/read-model/store.ts';
import { loadSecrets, type Secrets } from '../../runtime/secrets.ts';
import { STREAM } from '../../transport/subjects.ts';
import { Story } from '../machines/story.ts';
import { ownConfig } from '../setup/running-server.ts';

const DAY = 86_400_000;
const MINUTE = 60_000;
let config: Config;
let secrets: Secrets;
let db: Db;
let view: Projection;
let sweep: UserSweep;
let seq = 0;
beforeEach(async () => {
  ({ config } = await ownConfig());
  secrets = loadSecrets(config);
  ({ db } = openForWriting(join(config.dataDir, 'view.db')));
  view = new Projection(db, 16);
  sweep = new UserSweep(config, secrets, db, () => {});
});
afterEach(() => {
  sweep.stop();
  db.close();
  rmSync(config.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const worker = (id: string, where: object) => {
  const s = new Story('worker', { id, config: { worker_id: id, ...workerFields.parse({ name: id, ...where }) } });
  const show = () => view.apply({ stream: STREAM.journal, seq: ++seq, subject: `troupe.journal.worker.${id}`, data: Buffer.from(JSON.stringify(s.entry)), at: s.now });
  const registration = { incarnation: 'i1', host: 'h', pid: 7, port: 1, version: '1', node: 'v20', chromium: '1', capabilities: [], maxAccounts: 10, group: 'default', mode: 'profile' };
  s.send('REGISTERED', { registration });
  show();
  return (event: string) => (s.send(event), show(), s.now);
};

it('forgets a replica that has been gone for a week and a worker that was removed, and nobody else', () => {
  writeUsers(config, secrets, 'replica', 'steady', 'removed', 'joining', 'local');
  const away = worker('replica', { deployment_type: 'remote' });
  worker('steady', { deployment_type: 'local' });
  const local = worker('local', { deployment_type: 'local' });
  const gone = worker('removed', { deployment_type: 'local' });
  const left = away('OFFLINE');
  local('OFFLINE');
  gone('OFFLINE');
  gone('REMOVE');
  expect(sweep.pass(left + 6 * DAY)).toEqual([]);
  expect(knownWorkers(config)).toHaveLength(5);
  // `joining` has a user and is no worker yet: for that it has ten minutes, like `removed`.
  expect(sweep.pass(left + 6 * DAY + 9 * MINUTE)).toEqual([]);
  worker('joining', { deployment_type: 'local' });
  expect(sweep.pass(left + 6 * DAY + 10 * MINUTE)).toEqual(['removed']);
  expect(sweep.pass(left + 7 * DAY + 2_000)).toEqual(['replica']);
  expect(knownWorkers(config)).toEqual(['joining', 'local', 'steady']);
  expect(readFileSync(usersFile(config), 'utf8')).not.toMatch(/"(replica|removed)"/);
  expect(sweep.pass(left + 400 * DAY)).toEqual([]);
});
