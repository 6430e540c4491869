import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { fleetTabs } from './fleet-tabs.ts';
import { empty, opener, region } from './parts.ts';
import { WORKER_STATES } from './workers.ts';

/** `load` is 0 to 10; `text` is what the tip says. */
export type Tile = { id: string; state: string; load: number; text: string };
export type MapModel = { groups: { name: string; tiles: Tile[] }[]; counts: Record<string, number>; total: number };

/** Every worker as a small tile: its state by colour, its load by how full it is. One tip and one listener serve them all. */
export function fleetMap(x: Ctx, m: MapModel): Html {
  return html`<div class="page-head"><h1>${x.t('map.title')} <span class="muted">${m.total}</span></h1><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button></div>${fleetTabs(x)}
  ${region(x, 'map', ['worker', 'account'], m.total === 0 ? empty(x.t('workers.none'), x.t('workers.none-next'), opener('/workers/new', x.t('workers.new'), 'main')) : html`<div class="legend">${[...WORKER_STATES, 'suspect'].filter((s) => m.counts[s]).map((s) => html`<a href=${s === 'suspect' ? '/workers?status=running' : `/workers?status=${s}`}><i class=${`tile-mark s-${s}`}></i>${x.word('state', s)} <b>${m.counts[s]}</b></a>`)}<span class="sub">${x.t('map.hint')}</span></div>
    <div data-tiles="">${m.groups.map((g) => html`<section class="tile-group" aria-label=${g.name}><h2 class="group"><a href=${`/workers?group=${g.name}`}>${g.name}</a> <span>${g.tiles.length}</span></h2><div class="tiles">${g.tiles.map((t) => tile(t))}</div></section>`)}</div>`)}
  <div id="tile-tip" role="status" hidden></div>`;
}

const tile = (t: Tile): Html => html`<a id=${`tile-${t.id}`} class=${`tile s-${t.state} l-${t.load}`} href=${`/workers/${t.id}`} aria-label=${t.text}></a>`;
