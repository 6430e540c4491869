import { repliesPage } from '../../../views/replies.ts';
import { countRepliesByStatus, listReplies } from '../../read-model/queries/replies.ts';
import { context, done, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { replyLine } from './inbox-pages.ts';

const PAGE = 50;
export const REPLY_ACTIONS = ['check', 'mark-posted', 'resend', 'discard', 'cancel'] as const;

export const replyPages = (): Route[] => [
  page('get', '/replies', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const status = /^[a-z_]{1,20}$/.exec(call.query('status') ?? '')?.[0] ?? '';
    const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
    const rows = listReplies(db, { status: status || undefined, before: before ? Number(before) : undefined, limit: PAGE + 1 });
    const shown = rows.slice(0, PAGE);
    const older = rows.length > PAGE ? `/replies?${status ? `status=${status}&` : ''}before=${shown.at(-1)!.createdMs}` : null;
    const waiting = listReplies(db, { status: 'needs_human', limit: 100 });
    return showPage(call, x, {
      title: x.t('nav.replies'),
      topics: ['reply', 'inbox', 'notification'],
      main: repliesPage(x, { status, counts: countRepliesByStatus(db), waiting: waiting.map(replyLine), rest: shown.filter((r) => r.status !== 'needs_human').map(replyLine), older }),
    });
  }),
  ...REPLY_ACTIONS.map((verb) =>
    page('post', `/replies/:id/${verb}`, 'operate', async (call) => {
      await call.command({ kind: 'reply', id: call.param('id') }, verb);
      return done(call, `done.${verb}`);
    })),
];
