import type { Ctx } from '../../../views/context.ts';
import { fleetMap, type Tile } from '../../../views/fleet-map.ts';
import { reason } from '../../../views/reason.ts';
import { workerTiles, type WorkerTile } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import { groupBy } from '../group-by.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';

export const mapPages = (): Route[] => [
  page('get', '/workers/map', 'read', (call) => {
    const x = context(call);
    const tiles = workerTiles(call.d.db);
    const said = new Map<string, string>();
    const why = (cause: string): string => {
      if (!said.has(cause)) said.set(cause, reason(x, cause));
      return said.get(cause)!;
    };
    const counts: Record<string, number> = {};
    for (const t of tiles) counts[look(t)] = (counts[look(t)] ?? 0) + 1;
    const groups = [...groupBy(tiles, (t) => t.group)].sort(([a], [b]) => Number(b === 'default') - Number(a === 'default') || a.localeCompare(b));
    return showPage(call, x, { title: x.t('map.title'), topics: ['worker', 'account', 'inbox', 'reply', 'notification'], main: fleetMap(x, { groups: groups.map(([name, own]) => ({ name, tiles: own.map((t) => tile(call, x, t, why)) })), counts, total: tiles.length }) });
  }),
];

/** A running worker that is not heard looks different from one that is well. */
const look = (t: WorkerTile): string => (t.status === 'running' && t.link !== 'connected' ? 'suspect' : t.status);

function tile(call: Call, x: Ctx, t: WorkerTile, why: (cause: string) => string): Tile {
  const f = call.d.figures.latest(t.id);
  const state = look(t);
  const parts = [
    `${t.name} (${t.id})`, x.word('state', state), x.t('map.accounts', { n: t.assigned, max: t.maxAccounts }),
    f && `CPU ${f.cpuPercent.toFixed(0)}% · ${f.memoryMb} MB`, state !== 'running' && t.cause && why(t.cause),
  ];
  return { id: t.id, state, load: Math.min(10, Math.ceil((10 * t.assigned) / Math.max(1, t.maxAccounts))), text: parts.filter(Boolean).join(' · ') };
}
