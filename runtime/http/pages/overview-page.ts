import { overviewPage, type Todo } from '../../../views/overview.ts';
import { countAccounts, listAccounts } from '../../read-model/queries/accounts.ts';
import { listActors, recentTurns } from '../../read-model/queries/actors.ts';
import { countUnread, listInbox } from '../../read-model/queries/inbox.ts';
import { openLogins } from '../../read-model/queries/logins.ts';
import { countReplies, listReplies } from '../../read-model/queries/replies.ts';
import { listWorkers, workerSummary } from '../../read-model/queries/workers.ts';
import type { Ctx } from '../../../views/context.ts';
import type { Db } from '../../read-model/queries/read-model.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { eventWords } from './actor-pages.ts';
import { line } from './inbox-pages.ts';

export const overviewPages = (): Route[] => [
  page('get', '/', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const accounts = countAccounts(db);
    const workers = workerSummary(db);
    const unread = countUnread(db);
    return showPage(call, x, {
      title: x.t('nav.overview'),
      topics: ['account', 'worker', 'reply', 'inbox', 'login', 'actor', 'notification'],
      main: overviewPage(x, {
        totals: { accounts: accounts.total, loggedIn: accounts.loggedIn, monitoring: accounts.monitoring, workers: workers.configs, running: workers.byStatus['running'] ?? 0, unreadComments: unread.comments, unreadMessages: unread.messages, repliesToday: countReplies(db, { status: 'posted' }) },
        todo: todo(x, db),
        latest: listInbox(db, { direction: 'inbound', limit: 6 }).items.map(line),
        activity: recentTurns(db, 14).map((t) => ({ actor: `${t.kind}/${t.id}`, href: `/actors/${t.kind}/${t.id}`, event: eventWords(t.event), state: t.state, by: t.by, atMs: t.atMs })),
      }),
    });
  }),
];

/** What only a person can move on, the most pressing first. */
function todo(x: Ctx, db: Db): Todo[] {
  const logins = openLogins(db).filter((l) => l.status === 'scanning' || l.status === 'challenge').slice(0, 20).map((l): Todo => ({
    id: l.id, kind: l.status === 'challenge' ? 'challenge' : 'login', title: l.accountName, text: x.word('state', l.status), href: '/accounts', open: `/logins/${l.id}`, act: { url: '', label: x.t('accounts.show-login'), dialog: true },
  }));
  const replies = listReplies(db, { status: 'needs_human', limit: 20 }).map((r): Todo => ({ id: r.id, kind: 'reply', title: `${r.accountName} → ${r.targetAuthor ?? ''}`, text: r.error, href: '/replies' }));
  const accounts = listAccounts(db, { statuses: ['expired', 'login_failed', 'not_logged_in'], limit: 20 }).map((a): Todo => ({
    id: a.id, kind: 'account', title: a.name, text: a.reason ?? x.word('state', a.loginStatus), href: `/accounts/${a.id}`, act: { url: `/accounts/${a.id}/login`, label: x.t('accounts.login'), dialog: true },
  }));
  const workers = listWorkers(db, { status: 'error,crashed', limit: 100 }).filter((w) => w.status === 'error' || !w.autoRestart).slice(0, 20).map((w): Todo => ({ id: w.id, kind: 'worker', title: w.name, text: w.lastError ?? w.cause, href: `/workers/${w.id}`, act: { url: `/workers/${w.id}/retry`, label: x.t('workers.retry'), dialog: false } }));
  const parked = listActors(db, { parked: true, limit: 20 }).map((a): Todo => ({ id: `${a.kind}-${a.id}`, kind: 'parked', title: `${a.kind}/${a.id}`, text: a.parked, href: `/actors/${a.kind}/${a.id}` }));
  return [...replies, ...logins, ...workers, ...parked, ...accounts];
}
