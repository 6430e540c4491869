import { html, type Html } from './html.ts';
import { SCOPES, type Ctx } from './context.ts';
import { ago, button, chip, choice, dialog, field, opener, region } from './parts.ts';

export type UserLine = { name: string; scope: string; first: boolean; changedMs: number; /** Why nothing can be done to them, or null. */ fixed: string | null };
/** `fresh` is a password that is shown this once. */
export type UsersModel = { users: UserLine[]; fresh: { name: string; password: string } | null };

/** Who may sign in, and what they may do. */
export function usersList(x: Ctx, m: UsersModel): Html {
  return html`<h2 class="group">${x.t('users.title')}<span class="grow"></span>${opener('/settings/users/new', x.t('users.new'))}</h2>
  ${region({ ...x, url: '/settings' }, 'users', [], html`${m.fresh ? html`<div class="banner good" role="status"><b>${x.t('users.once', { name: m.fresh.name })}</b><code class="token">${m.fresh.password}</code></div>` : null}
  <ul class="pending">${m.users.map((u) => html`<li id=${`user-${u.name}`}><b>${u.name}</b> ${chip(x.t(`scope.${u.scope as 'read'}`))}${u.first ? chip(x.t('users.first'), 'warn') : null}<span class="sub grow">${ago(x, u.changedMs)}</span>${
    u.fixed
      ? html`<span class="sub">${u.fixed}</span>`
      : html`${opener(`/settings/users/${u.name}/scope`, x.t('users.scope'))}${button({ url: `/settings/users/${u.name}/reset`, label: x.t('users.reset'), confirm: x.t('users.reset-sure', { name: u.name }), target: '#dialog' })}${button({ url: `/settings/users/${u.name}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('users.remove-sure', { name: u.name }) })}`
  }</li>`)}</ul>`)}`;
}

export const newUserDialog = (x: Ctx): Html => dialog(x, x.t('users.new'), html`<form hx-post="/settings/users" hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button.main"><p class="form-error" role="alert" hidden></p><div class="one-column">${field({ name: 'name', label: x.t('users.name'), required: true, hint: x.t('users.name-hint') })}${scopes(x, 'operate')}</div><footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('users.create')}</button></footer></form>`);

export const scopeDialog = (x: Ctx, u: { name: string; scope: string }): Html => dialog(x, x.t('users.scope-of', { name: u.name }), html`<form hx-post=${`/settings/users/${u.name}/scope`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>${scopes(x, u.scope)}<footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);

/** A password that nobody sees again. */
export const passwordDialog = (x: Ctx, m: { name: string; password: string }): Html => dialog(x, x.t('users.once', { name: m.name }), html`<p><code class="token">${m.password}</code></p><p class="muted">${x.t('users.once-hint')}</p><footer><button type="button" class="button main" data-close="">${x.t('close')}</button></footer>`);

const scopes = (x: Ctx, value: string): Html => choice('scope', x.t('users.scope'), value, SCOPES.map((s) => [s, x.t(`scope.${s}`)]));
