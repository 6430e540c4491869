import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, empty, region, tag } from './parts.ts';

export type ActorLine = { kind: string; id: string; state: string; index: number; atMs: number; status: string; parked: string | null };
export type ActorsModel = { search: string; kind: string; parked: boolean; kinds: { kind: string; n: number }[]; actors: ActorLine[]; page: number; more: boolean };

export function actorsPage(x: Ctx, m: ActorsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.actors')}</h1>
    <form class="filters" role="search" hx-get="/actors" hx-target="#actors" hx-select="#actors" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
      <input type="search" name="q" value=${m.search} placeholder=${x.t('actors.search')} aria-label=${x.t('actors.search')} data-search="">
      <select name="kind" aria-label=${x.t('actors.kind')}><option value="">${x.t('actors.all-kinds')}</option>${m.kinds.map((k) => html`<option value=${k.kind} ?selected=${k.kind === m.kind}>${k.kind} (${k.n})</option>`)}</select>
      <label class="check"><input type="checkbox" name="parked" value="1" ?checked=${m.parked}><span>${x.t('actors.parked')}</span></label>
    </form></div>
  ${region(x, 'actors', ['actor'], m.actors.length === 0
    ? empty(x.t('actors.none'), x.t('actors.none-next'), html`<a class="button plain" href="/actors">${x.t('filter.clear')}</a>`)
    : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('actors.actor')}</th><th>${x.t('state')}</th><th>${x.t('actors.turns')}</th><th>${x.t('actors.last')}</th></tr></thead><tbody>${m.actors.map((a) => html`<tr id=${`actor-${a.kind}-${a.id}`} data-row=""><td data-label=${x.t('actors.actor')}><a href=${`/actors/${a.kind}/${a.id}`} data-open=""><code>${a.kind}/${a.id}</code></a></td><td data-label=${x.t('state')}>${states(a.state)} ${a.parked ? tag(x, 'parked', 'state', a.parked) : null}${a.status === 'done' ? html` <span class="muted">${x.t('actors.done')}</span>` : null}</td><td data-label=${x.t('actors.turns')}>${a.index}</td><td data-label=${x.t('actors.last')}>${ago(x, a.atMs)}</td></tr>`)}</tbody></table></div>
      <nav class="pager" aria-label=${x.t('pages')}>${m.page > 1 ? html`<a class="button plain" href=${page(m, m.page - 1)}>←</a>` : null}<span class="muted">${m.page}</span>${m.more ? html`<a class="button plain" href=${page(m, m.page + 1)}>→</a>` : null}</nav>`)}`;
}

const page = (m: ActorsModel, n: number): string => `/actors?${new URLSearchParams({ ...(m.search ? { q: m.search } : {}), ...(m.kind ? { kind: m.kind } : {}), ...(m.parked ? { parked: '1' } : {}), page: String(n) }).toString()}`;

/** Dotted paths as words, the last part in bold. */
export const states = (state: string): Html => html`<span class="paths">${state.split(',').map((path) => {
  const parts = path.split('.');
  return html`<span class="path">${parts.length > 1 ? html`<span class="muted">${parts.slice(0, -1).join('.')}.</span>` : null}<b>${parts.at(-1)}</b></span>`;
})}</span>`;
