import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { seed } from './seed.ts';

export type User = { id: string; name: string; bio: string; hue: number; demo: number };
export type Post = { id: number; user: string; title: string; body: string; at: number };
export type CommentRow = { id: number; post: number; parent: number | null; user: string; name: string; title: string; text: string; at: number };
export type MessageRow = { id: number; sender: string; receiver: string; text: string; at: number };
export type LedgerRow = { id: number; user: string; target: string; text: string; at: number; nonce: string };
export type Challenge = 'none' | 'slider' | 'sms';
export type LoginState = 'qr' | 'scanned' | 'challenge' | 'done' | 'used' | 'failed';
export type LoginRow = { key: string; code: string; expires: number; state: LoginState; user: string | null; challenge: Challenge; secret: string; tries: number };

const SCHEMA = `
create table if not exists users (id text primary key, name text not null, bio text not null, hue integer not null, demo integer not null);
create table if not exists posts (id integer primary key, user text not null references users, title text not null, body text not null, at integer not null);
create table if not exists comments (id integer primary key autoincrement, post integer not null references posts, parent integer references comments, user text not null references users, text text not null, at integer not null);
create index if not exists comments_of_post on comments (post, id);
create index if not exists replies_of_comment on comments (parent, id);
create table if not exists messages (id integer primary key autoincrement, sender text not null references users, receiver text not null references users, text text not null, at integer not null);
create index if not exists messages_of_pair on messages (sender, receiver, id);
create table if not exists logins (key text primary key, code text not null unique, expires integer not null, state text not null, user text, challenge text not null, secret text not null, tries integer not null);
create table if not exists sessions (id text primary key, user text not null references users, expires integer not null, challenged integer not null default 0);
create table if not exists ledger (id integer primary key autoincrement, user text not null, target text not null, text text not null, at integer not null, nonce text not null);
`;

/** The site's database. What is written is on disk before the answer leaves (synchronous FULL). */
export function openStore(dir: string) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new Database(join(dir, 'sandbox.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.exec(SCHEMA);
  const one = <T>(sql: string, ...args: unknown[]) => db.prepare(sql).get(...args) as T | undefined;
  const all = <T>(sql: string, ...args: unknown[]) => db.prepare(sql).all(...args) as T[];
  const run = (sql: string, ...args: unknown[]) => Number(db.prepare(sql).run(...args).lastInsertRowid);
  if (!one('select 1 from users')) seed(db);

  const COMMENT = `select c.id, c.post, c.parent, c.user, u.name, p.title, c.text, c.at from comments c join users u on u.id = c.user join posts p on p.id = c.post`;
  return {
    users: () => all<User>('select * from users order by demo desc, id'),
    user: (id: string) => one<User>('select * from users where id = ?', id),
    demoUsers: () => all<User>('select * from users where demo = 1 order by id'),
    posts: () => all<Post & { name: string; hue: number; comments: number }>(
      `select p.*, u.name, u.hue, (select count(*) from comments c where c.post = p.id) as comments from posts p join users u on u.id = p.user order by p.at desc, p.id desc`,
    ),
    post: (id: number) => one<Post>('select * from posts where id = ?', id),
    commentsOfPost: (post: number) => all<CommentRow>(`${COMMENT} where c.post = ? order by c.id`, post),
    comment: (id: number) => one<CommentRow>(`${COMMENT} where c.id = ?`, id),
    replies: (comment: number) => all<CommentRow>(`${COMMENT} where c.parent = ? order by c.id`, comment),
    /** Others' comments on a user's posts, newest first. `before` pages on. */
    inbox: (user: string, before: number, limit: number) =>
      all<CommentRow>(`${COMMENT} where p.user = ? and c.user <> ? and c.id < ? order by c.id desc limit ?`, user, user, before, limit),
    threads: (user: string) => all<{ other: string; name: string; hue: number; last: number; text: string; at: number }>(
      `select o.id as other, o.name, o.hue, m.id as last, m.text, m.at from
        (select case when sender = @user then receiver else sender end as who, max(id) as id from messages where sender = @user or receiver = @user group by who) t
        join messages m on m.id = t.id join users o on o.id = t.who order by m.id desc`,
      { user },
    ),
    thread: (user: string, other: string) => all<MessageRow>(
      'select * from messages where (sender = ? and receiver = ?) or (sender = ? and receiver = ?) order by id', user, other, other, user,
    ),
    addComment: (post: number, user: string, text: string, parent: number | null = null) =>
      run('insert into comments (post, parent, user, text, at) values (?, ?, ?, ?, ?)', post, parent, user, text, Date.now()),
    addMessage: (sender: string, receiver: string, text: string) =>
      run('insert into messages (sender, receiver, text, at) values (?, ?, ?, ?)', sender, receiver, text, Date.now()),

    /** Stores a reply and its ledger row together. There is no check for doubles: the ledger shows what was really sent. */
    reply: db.transaction((user: string, target: { comment: CommentRow } | { to: string }, text: string, nonce: string): string => {
      const note = 'comment' in target ? `comment:c${target.comment.id}` : `message:${target.to}`;
      run('insert into ledger (user, target, text, at, nonce) values (?, ?, ?, ?, ?)', user, note, text, Date.now(), nonce);
      if ('comment' in target) return `c${run('insert into comments (post, parent, user, text, at) values (?, ?, ?, ?, ?)', target.comment.post, target.comment.id, user, text, Date.now())}`;
      return `m${run('insert into messages (sender, receiver, text, at) values (?, ?, ?, ?)', user, target.to, text, Date.now())}`;
    }),
    ledger: () => all<LedgerRow>('select * from ledger order by id'),
    clearLedger: () => run('delete from ledger'),

    login: (key: string) => one<LoginRow>('select * from logins where key = ?', key),
    loginByCode: (code: string) => one<LoginRow>('select * from logins where code = ?', code),
    /** A fresh code for this browser; an earlier one stops working. */
    newLogin(key: string, lifeMs: number, challenge: Challenge): LoginRow {
      const row: LoginRow = {
        key, code: randomBytes(12).toString('base64url'), expires: Date.now() + lifeMs, state: 'qr', user: null, challenge,
        secret: challenge === 'slider' ? String(randomInt(10, 90)) : String(randomInt(100000, 1000000)), tries: 0,
      };
      run('insert or replace into logins values (@key, @code, @expires, @state, @user, @challenge, @secret, @tries)', row);
      return row;
    },
    setLogin: (key: string, state: LoginState, user: string | null = null) =>
      run('update logins set state = ?, user = coalesce(?, user) where key = ?', state, user, key),
    missLogin: (key: string) => run('update logins set tries = tries + 1 where key = ?', key),
    useLogin: (key: string, lifeMs: number) => run("update logins set state = 'used', expires = ? where key = ?", Date.now() + lifeMs, key),
    expireCodes: () => run("update logins set expires = 0 where state in ('qr', 'scanned')"),

    newSession(user: string, lifeMs: number): { id: string; expires: number } {
      const row = { id: randomBytes(24).toString('base64url'), user, expires: Date.now() + lifeMs };
      run('insert into sessions (id, user, expires) values (@id, @user, @expires)', row);
      return row;
    },
    session: (id: string) => one<{ user: string; expires: number; challenged: number }>('select user, expires, challenged from sessions where id = ? and expires > ?', id, Date.now()),
    logoutAll: () => run('delete from sessions'),
    logout: (id: string) => run('delete from sessions where id = ?', id),
    challengeSessions: (on: boolean) => run('update sessions set challenged = ?', on ? 1 : 0),
    close: () => void db.close(),
  };
}
export type Store = ReturnType<typeof openStore>;
