/** Which worker an account, a task or anything else goes to. Pure: what it needs to know is given. */

export type Strategy = 'least-connections' | 'round-robin' | 'resource-based' | 'affinity';
export const STRATEGIES: readonly Strategy[] = ['least-connections', 'round-robin', 'resource-based', 'affinity'];

export type Candidate = {
  id: string;
  capabilities: string[];
  groups: string[];
  held: number;
  maxAccounts: number;
  /** Share of one core for each core that it may use, 0 to 1 and above. */
  cpu: number;
  overMemory: boolean;
  /** When it was last given something; 0 for never. */
  lastGiven: number;
};
export type Want = { platform: string; group: string | null; pin: string | null; prefer: string | null; last: string | null };

const order: Record<Strategy, (a: Candidate, b: Candidate) => number> = {
  'least-connections': (a, b) => a.held - b.held,
  affinity: (a, b) => a.held - b.held,
  'round-robin': (a, b) => a.lastGiven - b.lastGiven,
  'resource-based': (a, b) => a.cpu - b.cpu || a.held - b.held,
};

/** Those that may take it, best first. A pin is an operator's word: it overrules group and order, never room or knowledge. */
export function rank(candidates: Candidate[], want: Want, strategy: Strategy): Candidate[] {
  const group = want.group ?? 'default';
  const favour = (c: Candidate) => (c.id === want.prefer ? 2 : c.id === want.last ? 1 : 0);
  return candidates
    .filter((c) => (want.pin === null ? c.groups.includes(group) : c.id === want.pin))
    .filter((c) => c.capabilities.includes(want.platform) && c.held < c.maxAccounts && !c.overMemory)
    .sort((a, b) => favour(b) - favour(a) || order[strategy](a, b) || a.id.localeCompare(b.id));
}

export type Placed = { account: string; platform: string; group: string | null; pinned: boolean; worker: string; epoch: number };
export type Move = { account: string; epoch: number; from: string; to: string };

/** The moves that even the load out: each goes from a fuller worker to one that has at least two fewer. Pinned accounts stay. */
export function planRebalance(candidates: Candidate[], placed: Placed[]): Move[] {
  const held = new Map(candidates.map((c) => [c.id, c.held]));
  const moves: Move[] = [];
  const movable = placed.filter((p) => !p.pinned);
  const left = new Map<string, Placed[]>();
  for (const p of movable) left.set(p.worker, [...(left.get(p.worker) ?? []), p]);
  for (let changed = true; changed; ) {
    changed = false;
    for (const from of [...candidates].sort((a, b) => held.get(b.id)! - held.get(a.id)! || a.id.localeCompare(b.id))) {
      const mine = left.get(from.id) ?? [];
      const found = mine.flatMap((p) => {
        const to = candidates
          .filter((c) => c.id !== from.id && held.get(c.id)! + 1 < held.get(from.id)! && held.get(c.id)! < c.maxAccounts && !c.overMemory && c.capabilities.includes(p.platform) && c.groups.includes(p.group ?? 'default'))
          .sort((a, b) => held.get(a.id)! - held.get(b.id)! || a.id.localeCompare(b.id))[0];
        return to ? [{ p, to }] : [];
      })[0];
      if (!found) continue;
      moves.push({ account: found.p.account, epoch: found.p.epoch, from: from.id, to: found.to.id });
      left.set(from.id, mine.filter((p) => p !== found.p));
      held.set(from.id, held.get(from.id)! - 1);
      held.set(found.to.id, held.get(found.to.id)! + 1);
      changed = true;
      break;
    }
  }
  return moves;
}

/** What a changed configuration asks for: accounts whose worker serves their group no more, or has more than it may, go where there is room. Without room they stay. */
export function planCorrections(candidates: Candidate[], placed: Placed[]): (Move & { why: string })[] {
  const held = new Map(candidates.map((c) => [c.id, c.held]));
  const moves: (Move & { why: string })[] = [];
  const send = (p: Placed, why: string): void => {
    const others = candidates.filter((c) => c.id !== p.worker).map((c) => ({ ...c, held: held.get(c.id)! }));
    const to = rank(others, { platform: p.platform, group: p.group, pin: null, prefer: null, last: null }, 'least-connections')[0];
    if (!to) return;
    moves.push({ account: p.account, epoch: p.epoch, from: p.worker, to: to.id, why });
    held.set(p.worker, held.get(p.worker)! - 1);
    held.set(to.id, held.get(to.id)! + 1);
  };
  for (const c of candidates) {
    const movable = placed.filter((p) => p.worker === c.id && !p.pinned);
    const wrong = movable.filter((p) => !c.groups.includes(p.group ?? 'default'));
    for (const p of wrong) send(p, `${c.id} does not serve group ${p.group ?? 'default'} any more`);
    for (const p of movable.filter((m) => !wrong.includes(m))) if (held.get(c.id)! > c.maxAccounts) send(p, `${c.id} takes ${c.maxAccounts} accounts at most`);
  }
  return moves;
}

/** Why nothing fits, in words for an operator. */
export function whyNone(candidates: Candidate[], want: Want): string {
  if (candidates.length === 0) return 'no worker runs: start one';
  if (want.pin !== null) {
    const it = candidates.find((c) => c.id === want.pin);
    if (!it) return `it is pinned to ${want.pin}, which does not run`;
    return !it.capabilities.includes(want.platform) ? `it is pinned to ${want.pin}, which has no platform ${want.platform}` : `it is pinned to ${want.pin}, which is full (${it.held} of ${it.maxAccounts})`;
  }
  const group = want.group ?? 'default';
  const inGroup = candidates.filter((c) => c.groups.includes(group));
  if (inGroup.length === 0) return `no worker of group ${group} runs: start one`;
  const able = inGroup.filter((c) => c.capabilities.includes(want.platform));
  if (able.length === 0) return `no running worker of group ${group} has platform ${want.platform}`;
  return able.every((c) => c.overMemory) ? `every worker of group ${group} is over its memory` : `every worker of group ${group} is full: add one, or raise max_accounts`;
}
