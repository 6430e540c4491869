import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { colleague, conversationLabel } from '../../../actors/conversation.ts';
import { findConversation, findTalk, isConversationKey, knownLabels, listConversations, STATES, type ConversationRow } from '../../read-model/queries/conversations.ts';
import type { InboxItem } from '../../read-model/queries/inbox.ts';
import { unknownVariables, VARIABLES } from '../../rules/fill-answer.ts';
import { cannedAnswer, dropCanned, findCanned, listCanned, saveCanned } from '../../talks/canned-store.ts';
import { found, type Call } from '../call.ts';
import { addFilter, cleanQuery, dropFilter } from '../pages/talk-pages.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { actOnTalks, MOST_AT_ONCE, undoTalks, type TalkAct } from '../talks/act-on-talks.ts';
import { listFilters } from '../talks/desk.ts';
import { replyRow } from './message-api.ts';
import { flag, id, moment, pathId, readQuery } from './query.ts';
import { answer, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const TAG = 'conversations';
const most = z.string().refine((v) => /^\d{1,4}$/.test(v) && Number(v) >= 1, 'must be a whole number from 1 to 200').transform((v) => Math.min(Number(v), 200)).default(40).meta({ description: 'how many, 200 at most' });
const listQuery = z.object({
  account_id: id.optional(), platform: id.optional(), type: z.enum(['comment', 'message']).optional(), state: z.enum(STATES).optional(), assignee: z.union([z.literal('none'), colleague]).optional(), label: conversationLabel.optional(), unread: flag.optional(), search: z.string().max(100).optional(),
  after: z.string().refine(isConversationKey, 'must be what `next` was').optional(), limit: most,
});
const until = z.union([z.string(), z.number().transform(String)]).pipe(moment);
const ids = z.array(id).min(1, 'give a conversation at least').max(MOST_AT_ONCE, `must be ${MOST_AT_ONCE} at most`);
const acts = {
  open: z.strictObject({}), wait: z.strictObject({}), close: z.strictObject({}), read: z.strictObject({}), unread: z.strictObject({}),
  snooze: z.strictObject({ until }),
  assign: z.strictObject({ to: colleague.nullable() }),
  label: z.strictObject({ add: z.array(conversationLabel).max(20).default([]), remove: z.array(conversationLabel).max(20).default([]) }),
  note: z.strictObject({ text: z.string().max(2000, 'must be 2000 characters at most') }),
} as const;
const SUMMARY: Record<keyof typeof acts, string> = { open: 'Open it again', wait: 'Wait for the other side', close: 'Close it', read: 'Mark what came as read', unread: 'Mark the last that came as unread', snooze: 'Put it off `until` a time, or until they write again', assign: 'Give it `to` a user, or to nobody with null', label: 'Put labels on and take them off', note: 'Keep a note for colleagues' };

/** Conversations, canned answers and saved filters. */
export const talkApi = (): Route[] => [
  ...mount('get', '/conversations', 'read', { tag: TAG, summary: 'Conversations, the last to move first; `after` takes the `next` of the page before', query: listQuery, answer: '{success, conversations, next}' }, (call) => {
    const q = readQuery(call, listQuery);
    const page = listConversations(call.d.db, { account: q.account_id, platform: q.platform, type: q.type, state: q.state, assignee: q.assignee, label: q.label, unread: q.unread, search: q.search, after: q.after, limit: q.limit });
    return answer(call, { success: true, conversations: page.rows.map(row), next: page.next });
  }),
  ...mount('get', '/conversations/labels', 'read', { tag: TAG, summary: 'Labels in use, and on how many', answer: '{success, labels}' }, (call) => answer(call, { success: true, labels: knownLabels(call.d.db).map((l) => ({ label: l.label, conversations: l.n })) })),
  ...(Object.keys(acts) as (keyof typeof acts)[]).flatMap((verb) => {
    const body = acts[verb].extend({ ids });
    return mount('post', `/conversations/${verb}`, 'operate', { tag: TAG, summary: `For many at once: ${SUMMARY[verb]}. \`undo\` takes it back`, body, answer: '{success, changed, of, failed, undo}' }, async (call) => {
      const { ids: given, ...fields } = await readBody(call, body);
      return answer(call, { success: true, ...(await actOnTalks(call, given, { do: verb, ...fields } as TalkAct)) });
    });
  }),
  ...mount('post', '/conversations/undo', 'operate', { tag: TAG, summary: 'Take back what was done with conversations, by its `undo`; each once', body: z.strictObject({ undo: id }), answer: '{success}' }, async (call) => {
    const { undo } = await readBody(call, z.strictObject({ undo: id }));
    if (!(await undoTalks(call, undo))) throw new Problem(409, 'too_late', `${undo} is undone already, or too long ago`);
    return answer(call, { success: true });
  }),
  ...mount('get', '/conversations/:id', 'read', { tag: TAG, summary: 'One conversation with its items, the replies to them, and its post', answer: '{success, conversation, items, replies, post, earlier}' }, (call) => {
    const before = call.query('before');
    if (before !== undefined && !/^\d{1,15}$/.test(before)) throw new Problem(422, 'invalid', 'before: must be what `earlier` was', { field: 'before' });
    const talk = found(findTalk(call.d.db, pathId(call), before === undefined ? undefined : Number(before)), `conversation ${call.param('id')}`);
    return answer(call, { success: true, conversation: row(talk.row), items: talk.items.map(item), replies: talk.replies.map(replyRow), post: talk.post && { id: talk.post.id, title: talk.post.title, comments: talk.post.comments, others: talk.post.others.map(item) }, earlier: talk.more });
  }),
  ...(Object.keys(acts) as (keyof typeof acts)[]).flatMap((verb) => mount('post', `/conversations/:id/${verb}`, 'operate', { tag: TAG, summary: SUMMARY[verb], body: acts[verb], answer: '{success, changed, undo, conversation_id}' }, async (call) => {
    const one = pathId(call);
    found(findConversation(call.d.db, one), `conversation ${one}`);
    const fields = await readBody(call, acts[verb] as z.ZodObject);
    const { changed, undo } = await actOnTalks(call, [one], { do: verb, ...fields } as TalkAct);
    return answer(call, { success: true, conversation_id: one, changed: changed > 0, undo });
  })),
  ...mount('get', '/canned-answers', 'read', { tag: TAG, summary: 'Canned answers', answer: '{success, answers, variables}' }, async (call) => answer(call, { success: true, answers: await listCanned(call.d.settings), variables: VARIABLES })),
  ...mount('get', '/canned-answers/:id', 'read', { tag: TAG, summary: 'One canned answer', answer: '{success, answer}' }, async (call) => answer(call, { success: true, answer: await oneCanned(call) })),
  ...mount('put', '/canned-answers/:id', 'operate', { tag: TAG, summary: `Save a canned answer; it may name ${VARIABLES.map((v) => `{{${v}}}`).join(', ')}`, body: cannedAnswer, answer: '{success, answer}' }, async (call) => {
    const name = cannedId(call);
    const given = await readBody(call, cannedAnswer);
    const unknown = unknownVariables(given.text)[0];
    if (unknown !== undefined) throw new Problem(422, 'invalid', `text: knows no {{${unknown}}}`, { field: 'text' });
    await saveCanned(call.d.settings, name, given);
    await call.note('CANNED_SAVED', `canned/${name}`);
    return answer(call, { success: true, answer: { id: name, ...given } });
  }),
  ...mount('delete', '/canned-answers/:id', 'operate', { tag: TAG, summary: 'Remove a canned answer; rules that use it answer no more', answer: '{success}' }, async (call) => {
    const { id: name } = await oneCanned(call);
    await dropCanned(call.d.settings, name);
    await call.note('CANNED_REMOVED', `canned/${name}`);
    return answer(call, { success: true });
  }),
  ...mount('get', '/inbox-filters', 'read', { tag: TAG, summary: 'The saved filters of whoever asks', answer: '{success, filters}' }, async (call) => answer(call, { success: true, filters: await listFilters(call.d.settings, call.who.name) })),
  ...mount('post', '/inbox-filters', 'operate', { tag: TAG, summary: 'Save a filter as a tab of the inbox: `query` is what stands behind /inbox?', body: filtering, answer: '{success, filter}', status: 201 }, async (call) => {
    const { name, query } = await readBody(call, filtering);
    if (cleanQuery(query) === '') throw new Problem(422, 'invalid', 'query: must name state, q, account, platform, type, assignee, label or unread', { field: 'query' });
    return answer(call, { success: true, filter: await addFilter(call, name, query) }, 201);
  }),
  ...mount('delete', '/inbox-filters/:id', 'operate', { tag: TAG, summary: 'Remove a saved filter', answer: '{success}' }, async (call) => {
    await dropFilter(call, pathId(call));
    return answer(call, { success: true });
  }),
];

const filtering = z.strictObject({ name: z.string().trim().min(1, 'must not be empty').max(40, 'must be 40 characters at most'), query: z.string().max(500) });

const sec = (ms: number | null): number | null => (ms === null || ms === 0 ? null : Math.floor(ms / 1000));
const row = (r: ConversationRow): Record<string, unknown> => withIso({
  id: r.id, account_id: r.account, account_name: r.accountName, platform: r.platform, type: r.type, peer_id: r.peer, peer_name: r.peerName, post_id: r.post, post_title: r.postTitle, state: r.state, assignee: r.assignee, labels: r.labels, note: r.note, unread: r.unread, items: r.items, last_text: r.lastText, last_direction: r.lastDirection,
  last_at: sec(r.lastMs), last_inbound_at: sec(r.lastInMs), snoozed_until: sec(r.snoozedMs),
});
const item = (i: InboxItem): Record<string, unknown> => withIso({ item: i.item, type: i.type, platform_id: i.platformId, content: i.content, author_name: i.author, author_id: i.authorId, direction: i.direction, is_read: i.read, posted_at: sec(i.postedMs), detected_at: sec(i.detectedMs) });

function cannedId(call: Call): string {
  const name = call.param('id');
  if (!ID.test(name)) throw new Problem(422, 'invalid', 'id: must be 1 to 63 of a-z, 0-9 and hyphens', { field: 'id' });
  return name;
}

const oneCanned = async (call: Call) => ({ id: cannedId(call), ...found(await findCanned(call.d.settings, cannedId(call)), `canned answer ${call.param('id')}`) });
