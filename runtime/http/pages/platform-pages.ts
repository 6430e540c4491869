import { z } from 'zod';
import { platformsPage, selectorTestDialog } from '../../../views/platforms.ts';
import { found, type Call } from '../call.ts';
import { context, showPage, showPiece } from '../page.ts';
import { platformRows } from '../platform-rows.ts';
import { page, type Route } from '../routes.ts';
import { testable, testSelectors } from '../selector-test.ts';

export const platformPages = (): Route[] => [
  page('get', '/platforms', 'read', (call) => {
    const x = context(call);
    const platforms = platformRows(call.d).map((p) => ({ ...p, methods: p.flows.map((f) => f.id), workers: p.workers.length }));
    return showPage(call, x, { title: x.t('nav.platforms'), topics: ['platform', 'account', 'worker', 'inbox', 'reply', 'notification'], main: platformsPage(x, { platforms, mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/platforms/:id/test', 'operate', (call) => showPiece(selectorTestDialog(context(call), { ...about(call), account: null, result: null }))),
  page('post', '/platforms/:id/test', 'operate', async (call) => {
    const { account } = await call.form(z.object({ account: z.string().max(63) }));
    const result = await testSelectors(call.d, call.param('id'), account);
    await call.note('selectors tested', `account/${account}`);
    return showPiece(selectorTestDialog(context(call), { ...about(call), account, result }));
  }),
];

function about(call: Call) {
  const id = call.param('id');
  const { label } = found(call.d.platformList().find((p) => p.id === id && p.ok) ?? null, `platform ${id.slice(0, 63)}`);
  return { id, label, accounts: testable(call.d, id).map((a) => ({ id: a.id, name: a.name })) };
}
