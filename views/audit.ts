import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, empty, region, who } from './parts.ts';

export type AuditLine = { id: number; atMs: number; by: string; actor: string; event: string; request: string | null; address: string | null };
export type AuditModel = { actor: string; lines: AuditLine[]; /** Where the list goes on. */ older: string | null; first: boolean };

/** Who did what, when, to which actor, by which request. */
export const auditList = (x: Ctx, m: AuditModel): Html => html`<div class="page-head audit-head"><h2>${x.t('audit.title')}</h2>
    <form class="filters" role="search" hx-get="/settings" hx-target="#audit" hx-select="#audit" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit"><input type="search" name="actor" value=${m.actor} placeholder=${x.t('audit.filter')} aria-label=${x.t('audit.filter')} data-search="" autocomplete="off" spellcheck="false"></form></div>
  ${region(x, 'audit', m.first ? ['actor'] : [], m.lines.length === 0 ? none(x, m) : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('audit.when')}</th><th>${x.t('audit.who')}</th><th>${x.t('actors.actor')}</th><th>${x.t('actor.event')}</th><th>${x.t('audit.request')}</th></tr></thead><tbody>${m.lines.map((l) => line(x, l))}</tbody></table></div>
    ${m.older || !m.first ? html`<nav class="pager" aria-label=${x.t('pages')}>${m.first ? null : html`<a class="button plain" href="/settings#audit">${x.t('inbox.newest')}</a>`}${m.older ? html`<a class="button plain" href=${m.older}>${x.t('inbox.older')}</a>` : null}</nav>` : null}`)}`;

const none = (x: Ctx, m: AuditModel): Value => (m.actor ? empty(x.t('filter.none'), x.t('audit.filter-next'), html`<a class="button plain" href="/settings#audit">${x.t('filter.clear')}</a>`) : empty(x.t('audit.none'), x.t('audit.none-next')));

/** Users and tokens are no actors: they have no page. */
const actor = (name: string): Html => (/^(user|token)\//.test(name) ? html`<code>${name}</code>` : html`<a href=${`/actors/${name}`}><code>${name}</code></a>`);

const line = (x: Ctx, l: AuditLine): Html => html`<tr id=${`audit-${l.id}`}><td data-label=${x.t('audit.when')}>${ago(x, l.atMs)}</td><td data-label=${x.t('audit.who')}>${who(l.by)}</td><td data-label=${x.t('actors.actor')}>${actor(l.actor)}</td><td data-label=${x.t('actor.event')}>${l.event === '~start' ? x.t('audit.created') : html`<code>${l.event}</code>`}</td><td data-label=${x.t('audit.request')}>${l.request ? html`<code>${l.request}</code><div class="sub" title=${x.t('audit.address-hint')}>${x.t('audit.address', { hash: l.address ?? '' })}</div>` : html`<span class="muted">NATS</span>`}</td></tr>`;
