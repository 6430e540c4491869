import { html, type Html } from './html.ts';
import { SCOPES, type Ctx } from './context.ts';
import { auditList, type AuditModel } from './audit.ts';
import { toData } from './data.ts';
import { usersList, type UsersModel } from './users.ts';
import { ago, button, chip, choice, empty, field, region } from './parts.ts';

export type TokenLine = { id: string; name: string; scope: string; createdMs: number; usedMs: number | null };
export type SettingsModel = { tokens: TokenLine[]; fresh: string | null; firstPassword: boolean; /** Null for whoever may not see it. */ audit: AuditModel | null; /** Null likewise. */ users: UsersModel | null; /** How tasks are spread and kept; null likewise. */ work: { strategy: string | null; strategies: readonly string[]; days: number } | null };

export function settingsPage(x: Ctx, m: SettingsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.settings')}</h1>${m.users ? html`<div class="toolbar">${toData(x)}</div>` : null}</div>
  <div class="columns even">
    <div><h2 class="group">${x.t('settings.look')}</h2>
      <form class="card" method="post" action="/settings/look"><div class="grid">${choice('lang', x.t('settings.language'), x.lang, [['zh-CN', '中文'], ['en', 'English']])}${choice('theme', x.t('settings.theme'), x.theme, [['auto', x.t('settings.theme-auto')], ['light', x.t('settings.theme-light')], ['dark', x.t('settings.theme-dark')]])}</div><footer><button class="button main">${x.t('save')}</button></footer></form>
      <h2 class="group">${x.t('settings.password')}</h2>
      <form class="card" hx-post="/settings/password" hx-swap="none" hx-disable="find button" data-reset="">${m.firstPassword ? html`<p class="note-text">${x.t('settings.password-first')}</p>` : null}<p class="form-error" role="alert" hidden></p><div class="grid">${field({ name: 'current', label: x.t('settings.password-now'), type: 'password', required: true, autocomplete: 'current-password' })}${field({ name: 'next', label: x.t('settings.password-new'), type: 'password', required: true, hint: x.t('settings.password-hint'), autocomplete: 'new-password' })}</div><footer><button class="button main">${x.t('settings.password-change')}</button></footer></form>${m.users ? usersList(x, m.users) : null}</div>
    <div>${m.work ? work(x, m.work) : null}<h2 class="group">${x.t('settings.tokens')}</h2>
      <form class="card" hx-post="/settings/tokens" hx-target="#tokens" hx-select="#tokens" hx-swap="outerMorph" hx-status:4xx="swap:none" hx-disable="find button" data-reset=""><p class="form-error" role="alert" hidden></p><div class="grid">${field({ name: 'name', label: x.t('settings.token-name'), required: true, hint: x.t('settings.token-name-hint') })}${choice('scope', x.t('settings.token-scope'), 'operate', SCOPES.map((s): [string, string] => [s, x.t(`scope.${s}`)]))}</div><footer><a class="button plain" href="/api">${x.t('settings.api-docs')}</a><button class="button main">${x.t('settings.token-new')}</button></footer></form>
      ${region({ ...x, url: '/settings' }, 'tokens', [], html`${m.fresh ? html`<div class="banner good" role="status"><b>${x.t('settings.token-once')}</b><code class="token" data-copy="">${m.fresh}</code></div>` : null}
        ${m.tokens.length === 0 ? empty(x.t('settings.no-tokens'), x.t('settings.no-tokens-next')) : html`<ul class="pending">${m.tokens.map((t) => html`<li id=${`token-${t.id}`}><b>${t.name}</b> ${chip(x.t(`scope.${t.scope as 'read'}`))} <span class="sub">${ago(x, t.createdMs)}</span><span class="grow"></span>${button({ url: `/settings/tokens/${t.id}/revoke`, label: x.t('settings.token-revoke'), tone: 'danger', confirm: x.t('settings.token-revoke-sure', { name: t.name }) })}</li>`)}</ul>`}`)}</div>
  </div>
  ${m.audit ? auditList(x, m.audit) : null}`;
}

const work = (x: Ctx, w: NonNullable<SettingsModel['work']>): Html => html`<h2 class="group">${x.t('settings.work')}</h2><form class="card" hx-post="/settings/work" hx-swap="none" hx-disable="find button"><p class="form-error" role="alert" hidden></p><div class="grid">${choice('strategy', x.t('settings.task-strategy'), w.strategy ?? '', [['', x.t('settings.task-strategy-auto')], ...w.strategies.map((s): [string, string] => [s, x.word('strategy', s)])], x.t('settings.task-strategy-hint'))}${field({ name: 'days', label: x.t('settings.task-days'), value: w.days, type: 'number', min: 1, max: 90, required: true, hint: x.t('settings.task-days-hint') })}</div><footer><a class="button plain" href="/groups">${x.t('settings.account-strategy')}</a><button class="button main">${x.t('save')}</button></footer></form>`;
