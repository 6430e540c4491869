import type Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Projection } from '../../runtime/read-model/projection.ts';
import { emptyView, Shown } from './shown.ts';

let db: Database.Database;
let projection: Projection;
beforeEach(() => {
  ({ db, projection } = emptyView());
  new Shown(projection, 'account', { id: 'a', platform: 'sandbox', name: 'Shop', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null } });
});
afterEach(() => db.close());

const notices = () => db.prepare('SELECT title, content, priority, related_id FROM notifications ORDER BY id').all();
const talk = (id = 'v1') => new Shown(projection, 'conversation', { id, account: 'a', type: 'comment', peer: 'u', peerName: 'U', post: 'p', postTitle: 'P', state: 'open', unreadSince: null, lastInAt: 500, by: 'user:mei' });
const reply = (more: object) => new Shown(projection, 'reply', { id: 'r1', account: 'a', platform: 'sandbox', to: { type: 'comment', comment: 'c', post: 'p' }, text: 'hi', by: 'user:mei', conversation: 'v1', ...more });

it('who is given work in the inbox by somebody else is told so, without the words of whom it is about', () => {
  const v = talk();
  v.do((s) => void s.send('ASSIGN', { to: 'mei', by: 'user:mei' }));
  expect(notices()).toEqual([]);
  v.do((s) => void s.send('ASSIGN', { to: 'jonas', by: 'user:mei' })).do((s) => void s.send('LABEL', { add: ['refund'], remove: [] })).do((s) => void s.send('ASSIGN', { to: null, by: 'user:mei' }));
  expect(notices()).toEqual([{ title: 'Shop', content: 'mei assigned work in the inbox to jonas', priority: 'normal', related_id: 'talks:jonas' }]);
});

it('a reply that waits to be approved is told of once; one that needs no approval is not', () => {
  reply({ approve: true }).do((s) => void s.send('REJECT', { by: 'user:jonas' }));
  reply({ id: 'r2' });
  expect(notices()).toEqual([{ title: 'Shop', content: 'a reply by mei waits to be approved', priority: 'high', related_id: 'r1' }]);
});
