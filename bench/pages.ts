import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { taskCurves } from '../runtime/read-model/project-task-curves.ts';
import { openForWriting, type Db } from '../runtime/read-model/store.ts';
import { built, until, type Stage } from '../test/harness/stage.ts';
import { quantiles } from './quantiles.ts';

const PATHS = ['/', '/accounts', '/inbox', '/replies', '/notifications', '/workers', '/actors', '/hub', '/api/v1/hub/series?period=1h', '/api/v1/hub/series?period=24h', '/api/v1/hub/series?period=30d', '/tasks', '/tasks?status=dead', '/tasks?group=gpu', '/tasks?lane=high&type=shell', '/tasks?search=number+77777', '/queues', '/actors?search=t-77777', '/metrics', '/api/v1/tasks?limit=50'];

export type PageFigures = { slowest: string; p95: number; largest: string; bytes: number };

/** The page's process over a view that is filled beforehand. */
export async function openPages(stage: Stage, accounts: number, comments: number, tasks: number) {
  fill(join(stage.config.dataDir, 'web.db'), accounts, comments, tasks);
  const port = stage.config.http.ports[0]!;
  const base = `http://127.0.0.1:${port}`;
  const web: ChildProcess = spawn(process.execPath, [built('runtime', 'main.js'), 'web'], {
    env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], PORT: String(port), SANDBOX_PORT: String(stage.config.demo.port), NATS_MONITOR_PORT: String(stage.config.nats.monitorPort), AUTH_DISABLED: '1', LOG_LEVEL: 'error' },
    stdio: 'ignore',
  });
  await until(() => fetch(`${base}/livez`).then((r) => r.ok, () => false), 'the page answers', 60_000);
  return {
    /** Each page in turn, one request at a time; the slowest by its p95, and the largest. */
    async ask(times: number): Promise<PageFigures> {
      const figures: PageFigures = { slowest: '', p95: 0, largest: '', bytes: 0 };
      for (const path of PATHS) {
        const took: number[] = [];
        let bytes = 0;
        for (let i = 0; i < times + 5; i++) {
          const from = performance.now();
          const answer = await fetch(base + path);
          bytes = (await answer.arrayBuffer()).byteLength;
          if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}`);
          if (i >= 5) took.push(performance.now() - from);
        }
        const { p95 } = quantiles(took);
        if (p95 > figures.p95) Object.assign(figures, { slowest: path, p95 });
        if (bytes > figures.bytes) Object.assign(figures, { largest: path, bytes });
      }
      return figures;
    },
    /** Opens live connections; `next` resolves when the last of them has heard of the topic. */
    async listen(pages: number): Promise<{ next(topic: string): Promise<number>; close(): void }> {
      const end = new AbortController();
      const waiting = new Set<(text: string) => void>();
      await Promise.all(
        Array.from({ length: pages }, async () => {
          const { body } = await fetch(`${base}/events?topics=account`, { signal: end.signal });
          void (async () => {
            for await (const chunk of body!.pipeThrough(new TextDecoderStream())) for (const hear of waiting) hear(chunk);
          })().catch(() => undefined);
        }),
      );
      return {
        next: (topic) =>
          new Promise((resolve) => {
            let left = pages;
            const hear = (text: string) => {
              if (!text.includes(`"${topic}"`) || --left > 0) return;
              waiting.delete(hear);
              resolve(performance.now());
            };
            waiting.add(hear);
          }),
        close: () => end.abort(),
      };
    },
    close: () => void web.kill('SIGKILL'),
  };
}

function fill(file: string, accounts: number, comments: number, tasks: number): void {
  const { db } = openForWriting(file);
  const now = Date.now();
  const s = Math.floor(now / 1000);
  const account = db.prepare("INSERT INTO accounts (id, platform, account_name, login_status, activity, monitor_state, lease_state, created_at, updated_at) VALUES (?, 'sandbox', ?, ?, ?, 'waiting', 'held', ?, ?)");
  const comment = db.prepare("INSERT INTO comments (id, account_id, platform_comment_id, content, author_name, author_id, post_id, post_title, is_read, posted_ms, detected_at, detected_ms) VALUES (?, ?, ?, ?, 'someone', 'u', 'p', 'a post', ?, ?, ?, ?)");
  const fts = db.prepare('INSERT INTO inbox_fts (content, author, item) VALUES (?, ?, ?)');
  db.transaction(() => {
    for (let i = 0; i < accounts; i++) account.run(`acc-${i}`, `Account ${i}`, i % 9 === 0 ? 'expired' : 'logged_in', i % 9 === 0 ? null : 'monitoring', s, s);
    for (let i = 1; i <= comments; i++) {
      const at = now - (comments - i) * 1000;
      comment.run(i, `acc-${i % accounts}`, `c${i}`, `comment number ${i}`, i > comments - 200 ? 0 : 1, at, Math.floor(at / 1000), at);
      fts.run(`comment number ${i}`, 'someone', `c${i}`);
    }
  })();
  const curves = taskCurves(db);
  db.transaction(() => {
    for (let i = 1; i <= tasks; i++) {
      const at = now - (tasks - i) * 300;
      fillTask(db, i, at);
      curves.count(at, i % 40 === 0 ? { made: 1, failed: 1 } : { made: 1, done: 1 });
      curves.waited(at, 4);
    }
  })();
  db.close();
}

/** One that ended, some in a hundred badly; one in a thousand in a group of its own. */
function fillTask(db: Db, i: number, at: number): void {
  const id = `t-${i}`;
  const status = i % 40 === 0 ? 'failed' : 'completed';
  const sql = (text: string) => prepared(db, text);
  sql(`INSERT INTO tasks (id, seq, title, description, type, priority, lane, group_name, payload, requirements, timeout_ms, shape, placings, status, progress, worker_id, attempt, max_attempts, result, error_kind, error_message, created_by, created_ms, assigned_ms, started_ms, finished_ms, updated_ms)
    VALUES (?, ?, ?, '', ?, 5, 'normal', ?, '{"url":"https://example.org/"}', '{}', 60000, 'default', 1, ?, 1, 'w-1', 1, 3, '{"title":"Example"}', ?, ?, 'user:admin', ?, ?, ?, ?, ?)`)
    .run(id, i, `task number ${i}`, i % 500 === 0 ? 'shell' : 'scrape', i % 1000 === 0 ? 'gpu' : 'default', status, status === 'failed' ? 'timeout' : null, status === 'failed' ? 'it took longer than 60 s' : null, at, at + 4, at + 6, at + 900, at + 900);
  sql("INSERT INTO actors (kind, id, partition, version, idx, seq, at_ms, status, state, busy, created_ms, entry) VALUES ('task', ?, ?, 'task-v1', 3, ?, ?, 'done', ?, 0, ?, ?)").run(id, i % 16, i * 2, at + 900, status, at, ENTRY);
}

/** As long as that of a task with a small result. */
const ENTRY = JSON.stringify({ after: { context: 'x'.repeat(1_500) } });
const statements = new Map<string, Statement>();
const prepared = (db: Db, text: string): Statement => statements.get(text) ?? statements.set(text, db.prepare(text)).get(text)!;
