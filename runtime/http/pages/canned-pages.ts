import { cannedDialog, cannedPage } from '../../../views/canned.ts';
import { VARIABLES } from '../../rules/fill-answer.ts';
import { cannedAnswer, dropCanned, findCanned, listCanned, saveCanned } from '../../talks/canned-store.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';

/** Canned answers: everyone's, in the composer by `/` and in rules. */
export const cannedPages = (): Route[] => [
  page('get', '/canned', 'read', async (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.canned'), topics: ['inbox', 'reply', 'notification'], main: cannedPage(x, { answers: await listCanned(call.d.settings), mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/canned/new', 'operate', async (call) => showPiece(cannedDialog(context(call), { answer: null, variables: VARIABLES, groups: await groups(call) }))),
  page('get', '/canned/:id/edit', 'operate', async (call) => showPiece(cannedDialog(context(call), { answer: await one(call), variables: VARIABLES, groups: await groups(call) }))),
  page('post', '/canned', 'operate', async (call) => {
    const answer = await call.form(cannedAnswer);
    const id = freshId('k');
    await saveCanned(call.d.settings, id, answer);
    await call.note('CANNED_SAVED', `canned/${id}`);
    return done(call, 'done.created', { name: answer.title });
  }),
  page('post', '/canned/:id', 'operate', async (call) => {
    const { id } = await one(call);
    await saveCanned(call.d.settings, id, await call.form(cannedAnswer));
    await call.note('CANNED_SAVED', `canned/${id}`);
    return done(call, 'done.saved');
  }),
  page('post', '/canned/:id/remove', 'operate', async (call) => {
    const { id } = await one(call);
    await dropCanned(call.d.settings, id);
    await call.note('CANNED_REMOVED', `canned/${id}`);
    return done(call, 'done.removed');
  }),
];

const one = async (call: Call) => ({ id: call.param('id'), ...found(await findCanned(call.d.settings, call.param('id')), 'this canned answer') });
const groups = async (call: Call): Promise<string[]> => [...new Set((await listCanned(call.d.settings)).map((a) => a.group).filter(Boolean))];
