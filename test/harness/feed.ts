import { openConnection } from '../../transport/connection.ts';
import { Feed } from '../../runtime/read-model/feed.ts';
import { loadConfig } from '../../runtime/config.ts';
import { natsLogin } from '../../runtime/nats-login.ts';

/** The view's writer alone. With the seeded bug its position is kept outside the transaction of the rows, and it dies between the two. */
const config = loadConfig(process.env);
const feed = new Feed(await openConnection(natsLogin(config, 'master')), 'master', config.dbPath, config.partitions, () => {});
if (process.env['SEEDED_BUG'] === 'position-outside-transaction') {
  const inner = feed as unknown as { commit(): void; move(m: { stream: string; seq: number; data: Uint8Array; at: number }): void };
  const later: Parameters<typeof inner.move>[0][] = [];
  const move = inner.move.bind(feed);
  const commit = inner.commit.bind(feed);
  inner.move = (m) => void later.push(m);
  inner.commit = () => {
    commit();
    if (later.length > 0 && Number(process.env['DIE_AFTER']) <= later.at(-1)!.seq) process.kill(process.pid, 'SIGKILL');
    for (const m of later.splice(0)) move(m);
  };
} else if (process.env['DIE_AFTER']) {
  const inner = feed as unknown as { commit(): void; move(m: { stream: string; seq: number }): void };
  const commit = inner.commit.bind(feed);
  const move = inner.move.bind(feed);
  let written = 0;
  inner.move = (m) => {
    if (m.stream === 'TROUPE_LOG') written = m.seq;
    move(m);
  };
  inner.commit = () => {
    commit();
    if (written >= Number(process.env['DIE_AFTER'])) process.kill(process.pid, 'SIGKILL');
  };
}
await feed.start();
process.stdout.write('feeding\n');
