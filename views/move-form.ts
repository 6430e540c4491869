import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { choice, dialog } from './parts.ts';

export type MoveForm = { account: string; name: string; epoch: number; from: string; workers: { id: string; label: string }[] };

/** To another worker, once; it may move on later, unlike one that is pinned. */
export const moveForm = (x: Ctx, m: MoveForm): Html => dialog(x, x.t('worker.move-title', { name: m.name }), html`<form hx-post=${`/accounts/${m.account}/move`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p><input type="hidden" name="epoch" value=${m.epoch}>
  ${choice('worker', x.t('accounts.worker'), '', [['', x.t('worker.move-best')], ...m.workers.map((w): [string, string] => [w.id, w.label])], x.t('worker.move-hint', { worker: m.from }))}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('worker.move')}</button></footer></form>`);
