import { z } from 'zod';
import { changeDialog, repliesPage } from '../../../views/replies.ts';
import { findAccount } from '../../read-model/queries/accounts.ts';
import { countRepliesByStatus, findReply, listReplies, type ReplyRow } from '../../read-model/queries/replies.ts';
import { limitFor } from '../../reply-length.ts';
import { found, type Call } from '../call.ts';
import { context, done, doneWithUndo, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { sendAgain } from '../reply-service.ts';
import { page, type Route } from '../routes.ts';
import { localMinute, readMinute } from '../talks/local-time.ts';
import { replyLine } from '../talks/talk-model.ts';

const PAGE = 50;
/** Plain decisions; to send again and to change are more than a word. */
export const REPLY_ACTIONS = ['check', 'mark-posted', 'discard', 'cancel', 'approve', 'reject', 'send-now'] as const;
const PNG = [0x89, 0x50, 0x4e, 0x47];

export const replyPages = (): Route[] => [
  page('get', '/replies', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const status = /^[a-z_]{1,20}$/.exec(call.query('status') ?? '')?.[0] ?? '';
    const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
    const rows = listReplies(db, { status: status || undefined, before: before ? Number(before) : undefined, limit: PAGE + 1 });
    const shown = rows.slice(0, PAGE);
    const older = rows.length > PAGE ? `/replies?${status ? `status=${status}&` : ''}before=${shown.at(-1)!.createdMs}` : null;
    const list = (of: string) => listReplies(db, { status: of, limit: 100 }).map(replyLine);
    return showPage(call, x, {
      title: x.t('nav.replies'),
      topics: ['reply', 'inbox', 'notification'],
      main: repliesPage(x, { status, counts: countRepliesByStatus(db), waiting: list('needs_human'), approvals: list('awaiting_approval'), rest: shown.filter((r) => r.status !== 'needs_human' && r.status !== 'awaiting_approval').map(replyLine), older }),
    });
  }),
  page('get', '/replies/:id/evidence', 'read', async (call) => {
    const { evidence } = one(call);
    const bytes = evidence?.picture ? await call.d.result(evidence.picture) : null;
    if (!bytes) throw new Problem(404, 'not_found', context(call).t('replies.evidence-gone'));
    return new Response(bytes as BodyInit, { headers: { 'Content-Type': PNG.every((b, i) => bytes[i] === b) ? 'image/png' : 'image/jpeg', 'Cache-Control': 'private, max-age=3600' } });
  }),
  page('get', '/replies/:id/change', 'operate', (call) => {
    const r = one(call);
    return showPiece(changeDialog(context(call), { id: r.id, text: r.content, sendAt: r.sendMs === null ? null : localMinute(r.sendMs), limit: limitFor(call.d.length, r.platform, findAccount(call.d.db, r.account)?.limits.maxLength) }));
  }),
  page('post', '/replies/:id/change', 'operate', async (call) => {
    const { text, send_at } = await call.form(z.object({ text: z.string().max(5000).refine((t) => t.trim().length > 0, 'must not be empty'), send_at: z.string().optional() }));
    const sendAt = readMinute(send_at, 'send_at');
    await call.command({ kind: 'reply', id: one(call).id }, 'change', { text, ...(sendAt === undefined ? {} : { sendAt }) });
    return done(call, 'done.change');
  }),
  page('post', '/replies/:id/resend', 'operate', async (call) => {
    await sendAgain(call, one(call));
    return done(call, 'done.resent');
  }),
  ...REPLY_ACTIONS.map((verb) =>
    page('post', `/replies/:id/${verb}`, 'operate', async (call) => {
      const id = call.param('id');
      await call.command({ kind: 'reply', id }, verb);
      const row = verb === 'cancel' ? findReply(call.d.db, id) : null;
      // What was taken back at once is wanted again, with a word changed.
      if (row?.conversation && row.by === call.by) return doneWithUndo(call, 'done.taken-back', {}, null, { 'restore-draft': { talk: row.conversation, text: row.content } });
      return done(call, `done.${verb}`);
    })),
];

const one = (call: Call): ReplyRow => found(findReply(call.d.db, call.param('id')), `reply ${call.param('id')}`);
