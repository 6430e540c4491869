import { z } from 'zod';
import { NOTICE_TYPES, notifierConfig, notifierPatch } from '../../../actors/notifier.ts';
import { notificationRuleDialog, notificationRulesPage } from '../../../views/notification-rules.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { listSinks } from '../../read-model/queries/alerts.ts';
import { findNotifier, listNotifiers, type NotifierRow } from '../../read-model/queries/notifiers.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { scopeCovers } from '../users.ts';

const MOST = 500;

/** Rules by which notifications go to webhooks and mailboxes. */
export const notificationRulePages = (): Route[] => [
  page('get', '/notifications/rules', 'read', (call) => {
    const x = context(call);
    const sinks = listSinks(call.d.db);
    const rules = listNotifiers(call.d.db).map(({ config: c, sink, ...r }) => {
      const to = sinks.find((s) => s.id === sink);
      return { ...r, sink: to ? { id: to.id, name: to.name, type: to.type, error: to.status === 'waiting' ? to.error : null } : null, types: c.types, accounts: c.accounts, least: c.least, digestMinutes: c.digestMinutes };
    });
    return showPage(call, x, { title: x.t('notices.title'), topics: ['notifier', 'sink', 'inbox', 'reply', 'notification'], main: notificationRulesPage(x, { rules, sinks: sinks.length, mayAct: scopeCovers(call.who.scope, 'operate'), mayDecide: call.who.scope === 'admin' }) });
  }),
  page('get', '/notifications/rules/new', 'operate', (call) => {
    const around = choices(call);
    return showPiece(notificationRuleDialog(context(call), { id: '', isNew: true, name: '', sink: around.sinks[0]?.id ?? '', types: [], accounts: [], least: 'high', digestMinutes: 0, ...around }));
  }),
  page('post', '/notifications/rules', 'operate', async (call) => {
    const config = checked(notifierConfig, readRule(await readForm(call.c)));
    await call.command({ kind: 'notifier', id: freshId('n') }, 'create', config);
    return done(call, 'done.created', { name: config.name });
  }),
  page('get', '/notifications/rules/:id/edit', 'operate', (call) => {
    const { id, config: c } = one(call);
    return showPiece(notificationRuleDialog(context(call), { id, isNew: false, ...c, ...choices(call) }));
  }),
  page('post', '/notifications/rules/:id', 'operate', async (call) => {
    const { id } = one(call);
    await call.command({ kind: 'notifier', id }, 'update', checked(notifierPatch, readRule(await readForm(call.c))));
    return done(call, 'done.saved');
  }),
  ...(['enable', 'disable', 'flush', 'remove'] as const).map((verb) => page('post', `/notifications/rules/:id/${verb}`, 'operate', async (call) => {
    await call.command({ kind: 'notifier', id: one(call).id }, verb);
    return done(call, verb === 'remove' ? 'done.removed' : 'done.ok');
  })),
];

const one = (call: Call): NotifierRow => found(findNotifier(call.d.db, call.param('id')), `notification rule ${call.param('id')}`);
const choices = (call: Call) => ({ sinks: listSinks(call.d.db).map(({ id, name }) => ({ id, name })), known: listAccounts(call.d.db, { limit: MOST }).map(({ id, name }) => ({ id, name })) });

/** The form as the command takes it: what is ticked, or typed with commas between. */
function readRule(form: Record<string, string>): Record<string, unknown> {
  const ticked = Object.keys(form).flatMap((k) => (k.startsWith('account-') ? [k.slice('account-'.length)] : []));
  return {
    name: form['name'] ?? '', sink: form['sink'] ?? '', least: form['least'] ?? 'normal', digestMinutes: Number(z.string().regex(/^\d{1,4}$/).safeParse(form['digest']).data ?? Number.NaN),
    types: NOTICE_TYPES.filter((t) => form[`type-${t}`] !== undefined), accounts: [...ticked, ...(form['accounts'] ?? '').split(/[\s,;]+/).filter(Boolean)],
  };
}
