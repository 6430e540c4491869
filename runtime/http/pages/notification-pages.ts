import { notificationsPage } from '../../../views/notifications.ts';
import type { Ctx } from '../../../views/context.ts';
import { reason } from '../../../views/reason.ts';
import { one } from '../../read-model/queries/read-model.ts';
import { countNotifications, freshNotifications, listNotifications, newestNotification, type NotificationRow } from '../../read-model/queries/notifications.ts';
import type { Call } from '../call.ts';
import { groupBy } from '../group-by.ts';
import { context, done, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';

const PAGE = 50;
/** So many are told one by one. */
const NEWS = 20;

export const notificationPages = (): Route[] => [
  page('get', '/notifications', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const type = /^[a-z_]{1,20}$/.exec(call.query('type') ?? '')?.[0] ?? '';
    const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
    const rows = listNotifications(db, { type: type || undefined, before: before ? Number(before) : undefined, limit: PAGE + 1 });
    const shown = rows.slice(0, PAGE);
    const older = rows.length > PAGE ? `/notifications?${type ? `type=${type}&` : ''}before=${shown.at(-1)!.id}` : null;
    return showPage(call, x, {
      title: x.t('nav.notifications'),
      topics: ['notification', 'inbox', 'reply'],
      main: notificationsPage(x, {
        type, unread: countNotifications(db, { unread: true }), older,
        items: shown.map((n) => ({ id: n.id, key: n.key, type: n.type, accountName: n.accountName, title: titleOf(x, n), content: contentOf(x, n), priority: n.priority, read: n.read, createdMs: n.createdMs, href: hrefOf(call, n) })),
      }),
    });
  }),
  page('get', '/notifications/fresh', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const last = newestNotification(db);
    const after = /^\d{1,15}$/.exec(call.query('after') ?? '')?.[0];
    // A view that was built anew counts from the start; what it shows first is no news.
    const from = after === undefined || Number(after) > last ? last : Number(after);
    const fresh = from === last ? [] : freshNotifications(db, from, NEWS + 1);
    return Response.json({ last, more: Math.max(0, fresh.length - NEWS), items: fresh.slice(0, NEWS).map((n) => ({ key: n.key, title: n.accountName ? `${n.accountName} · ${titleOf(x, n)}` : titleOf(x, n), content: contentOf(x, n).slice(0, 200), priority: n.priority, href: hrefOf(call, n) })) }, { headers: { 'Cache-Control': 'no-store' } });
  }),
  page('post', '/notifications/read', 'operate', async (call) => {
    const unread = listNotifications(call.d.db, { unread: true, limit: 500 });
    const byAccount = groupBy(unread, (n) => n.account ?? 'none');
    for (const [account, list] of byAccount) await call.d.markRead(account, { comments: [], messages: [], notifications: list.map((n) => n.key) }, call.by);
    return done(call, 'done.read');
  }),
];

/** The projector writes `worker-1: crashed`; the state is told in the reader's language. */
function titleOf(x: Ctx, n: NotificationRow): string {
  if (n.key.startsWith('alert-')) return x.word('alert-name', n.title);
  const worker = n.key.startsWith('worker-') ? /^(.*): ([a-z_]+)$/s.exec(n.title) : null;
  return worker ? `${worker[1]}: ${x.word('state', worker[2]!)}` : n.title;
}

const contentOf = (x: Ctx, n: NotificationRow): string => (n.content === n.data['login_status'] || n.data['login_status'] === 'logged_in' ? x.word('state', String(n.data['login_status'])) : reason(x, n.content));

/** Where a notification leads. */
function hrefOf(call: Call, n: NotificationRow): string | null {
  const { db } = call.d;
  if (n.type === 'comment') {
    const row = one<{ id: number }>(db, 'SELECT id FROM comments WHERE account_id = $account AND platform_comment_id = $related', { account: n.account, related: n.relatedId });
    return row && `/inbox?item=c${row.id}`;
  }
  if (n.type === 'direct_message') {
    const row = one<{ id: number }>(db, 'SELECT id FROM direct_messages WHERE account_id = $account AND platform_message_id = $related', { account: n.account, related: n.relatedId });
    return row && `/inbox?item=m${row.id}`;
  }
  if (n.key.startsWith('alert-')) return '/alerts';
  if (n.key.startsWith('reply-')) return '/replies';
  if (n.key.startsWith('worker-')) return '/workers';
  if (n.relatedId?.startsWith('talks:')) return `/inbox?state=open&assignee=${encodeURIComponent(n.relatedId.slice(6))}`;
  if (n.relatedId?.startsWith('proxy:')) return `/proxies/${n.relatedId.slice(6)}`;
  return n.account ? `/accounts/${n.account}` : null;
}
