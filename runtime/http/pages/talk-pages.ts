import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { assignDialog, cannedPicker, filterDialog, labelDialog, snoozeDialog } from '../../../views/talk-dialogs.ts';
import { findConversation, findConversations, knownLabels } from '../../read-model/queries/conversations.ts';
import { fillAnswer, valuesFor } from '../../rules/fill-answer.ts';
import { LONGEST_REPLY } from '../../reply-length.ts';
import { listCanned } from '../../talks/canned-store.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, doneWithUndo, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { actOnTalks, talkAct, undoTalks, type TalkAct } from '../talks/act-on-talks.ts';
import { keepDraft, listFilters, MOST_FILTERS, saveFilters } from '../talks/desk.ts';
import { localMinute, morning, readMinute } from '../talks/local-time.ts';
import { listUsers } from '../users.ts';

const PICKED = 12;

/** What is done with talks from the inbox: one or many at once, and taken back. */
export const talkPages = (): Route[] => [
  page('post', '/inbox/act', 'operate', async (call) => {
    const form = await readForm(call.c);
    const act = checked(talkAct, actOf(form));
    const { changed, of, failed, undo } = await actOnTalks(call, idsOf(form['ids'] ?? ''), act);
    if (undo === null) return done(call, 'done.talk-same');
    const url = `/inbox/undo/${undo}`;
    if (failed > 0) return doneWithUndo(call, 'done.talk-some', { n: changed, of }, url, { acted: { do: act.do, undo: url } });
    return doneWithUndo(call, act.do === 'note' ? 'done.talk-note' : `done.talk-${act.do}`, { n: changed }, url, { acted: { do: act.do, undo: url } });
  }),
  page('post', '/inbox/undo/:id', 'operate', async (call) => {
    if (!(await undoTalks(call, call.param('id')))) throw new Problem(409, 'too_late', context(call).t('undo.late'));
    return done(call, 'done.undone');
  }),
  page('get', '/inbox/ask/:what', 'operate', async (call) => {
    const x = context(call);
    const ids = call.c.req.query('ids') ?? '';
    const rows = findConversations(call.d.db, idsOf(ids));
    if (rows.length === 0) throw new Problem(404, 'not_found', 'this conversation does not exist');
    const now = call.d.now();
    const given = rows.map((r) => r.id).join(',');
    switch (call.param('what')) {
      case 'assign':
        return showPiece(assignDialog(x, { ids: given, users: (await listUsers(call.d.users)).map((u) => u.name), assignee: rows.length === 1 ? rows[0]!.assignee : null }));
      case 'snooze':
        return showPiece(snoozeDialog(x, { ids: given, hour: now + 3_600_000, tomorrow: morning(now, { days: 1 }), week: morning(now, { weekday: 1 }), at: localMinute(now + 86_400_000) }));
      case 'label':
        return showPiece(labelDialog(x, { ids: given, on: [...new Set(rows.flatMap((r) => r.labels))].sort(), known: knownLabels(call.d.db).map((l) => l.label) }));
      default:
        throw new Problem(404, 'not_found', 'there is no such question');
    }
  }),
  page('post', '/inbox/draft', 'operate', async (call) => {
    const { c, text } = await call.form(z.object({ c: z.string().regex(ID, 'must be a conversation'), text: z.string().max(LONGEST_REPLY) }));
    await keepDraft(call.d.desk, call.who.name, c, text, call.d.now());
    return new Response(null, { status: 204 });
  }),
  page('get', '/inbox/canned', 'read', async (call) => {
    const row = found(findConversation(call.d.db, call.query('c') ?? ''), 'this conversation');
    const q = (call.query('q') ?? '').toLowerCase();
    const fits = (await listCanned(call.d.settings)).filter((a) => `${a.title} ${a.group} ${a.text}`.toLowerCase().includes(q)).slice(0, PICKED);
    const values = valuesFor({ nickname: row.peerName, account: row.accountName, post: row.postTitle, platform: context(call).word('platform', row.platform) }, call.d.now());
    return showPiece(cannedPicker(context(call), fits.map((a) => ({ ...a, text: fillAnswer(a.text, values) }))));
  }),
  page('get', '/inbox/filters/new', 'operate', (call) => showPiece(filterDialog(context(call), cleanQuery(call.query('query') ?? '')))),
  page('post', '/inbox/filters', 'operate', async (call) => {
    const { name, query } = await call.form(z.object({ name: z.string().trim().min(1, 'must not be empty').max(40, 'must be 40 characters at most'), query: z.string().max(500) }));
    await addFilter(call, name, query);
    return done(call, 'done.filter', { name });
  }),
  page('post', '/inbox/filters/:id/remove', 'operate', async (call) => {
    await dropFilter(call, call.param('id'));
    return done(call, 'done.removed');
  }),
];

const idsOf = (text: string): string[] => text.split(',').map((id) => id.trim()).filter((id) => ID.test(id));

/** The fields of a dialog as an act. */
function actOf(form: Readonly<Record<string, string>>): unknown {
  const what = form['do'] as TalkAct['do'] | undefined;
  switch (what) {
    case 'snooze':
      return { do: what, until: form['until'] === 'at' ? readMinute(form['at'], 'at') : Number(form['until']) };
    case 'assign':
      return { do: what, to: form['to'] ? form['to'] : null };
    case 'label':
      return { do: what, add: (form['add'] ?? '').split(/[,，、]/).map((l) => l.trim()).filter(Boolean), remove: Object.entries(form).flatMap(([k, v]) => (k.startsWith('remove-') ? [v] : [])) };
    case 'note':
      return { do: what, text: form['note'] ?? '' };
    default:
      return { do: what };
  }
}

const KEPT = ['state', 'q', 'account', 'platform', 'type', 'assignee', 'label', 'unread'];

/** Only what a filter is made of, in one order, so that equal ones are the same text. */
export const cleanQuery = (query: string): string => {
  const given = new URLSearchParams(query);
  return new URLSearchParams(KEPT.flatMap((k) => (given.get(k) ? [[k, given.get(k)!]] : []))).toString();
};

/** One of a name replaces the one before it. */
export async function addFilter(call: Call, name: string, query: string): Promise<{ id: string; name: string; query: string }> {
  const list = (await listFilters(call.d.settings, call.who.name)).filter((f) => f.name !== name);
  if (list.length >= MOST_FILTERS) throw new Problem(422, 'invalid', `name: ${MOST_FILTERS} tabs are the most: remove one first`, { field: 'name' });
  const made = { id: freshId('f'), name, query: cleanQuery(query) };
  await saveFilters(call.d.settings, call.who.name, [...list, made]);
  return made;
}

export async function dropFilter(call: Call, id: string): Promise<void> {
  const list = await listFilters(call.d.settings, call.who.name);
  if (!list.some((f) => f.id === id)) throw new Problem(404, 'not_found', 'this tab does not exist');
  await saveFilters(call.d.settings, call.who.name, list.filter((f) => f.id !== id));
}
