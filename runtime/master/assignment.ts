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
  /** Its machine, when that is cordoned: nothing new goes there. */
  cordoned: string | null;
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
    .filter((c) => c.capabilities.includes(want.platform) && c.held < c.maxAccounts && !c.overMemory && c.cordoned === null)
    .sort((a, b) => favour(b) - favour(a) || order[strategy](a, b) || a.id.localeCompare(b.id));
}

export type Placed = { account: string; platform: string; group: string | null; pinned: boolean; worker: string; epoch: number };
export type Move = { account: string; epoch: number; from: string; to: string };

/** The moves that even the load out: each goes from a fuller worker to one that has at least two fewer. Pinned accounts stay. */
export function planRebalance(candidates: Candidate[], placed: Placed[]): Move[] {
  const held = new Map(candidates.map((c) => [c.id, c.held]));
  const heldBy = (c: Candidate): number => held.get(c.id)!;
  // Accounts of one platform and group are alike: what fits one fits all.
  const kindOf = (p: Placed): string => `${p.platform}\n${p.group ?? 'default'}`;
  const mine = new Map<string, Map<string, Placed[]>>();
  const takers = new Map<string, Candidate[]>();
  for (const p of placed) {
    if (p.pinned) continue;
    const kind = kindOf(p);
    const kinds = mine.get(p.worker) ?? new Map<string, Placed[]>();
    mine.set(p.worker, kinds.set(kind, [...(kinds.get(kind) ?? []), p]));
    if (!takers.has(kind)) takers.set(kind, candidates.filter((c) => !c.overMemory && c.cordoned === null && c.capabilities.includes(p.platform) && c.groups.includes(p.group ?? 'default')));
  }
  const emptiest = (kind: string, below: number): Candidate | null => {
    let best: Candidate | null = null;
    for (const c of takers.get(kind)!) if (heldBy(c) + 1 < below && heldBy(c) < c.maxAccounts && (!best || heldBy(c) < heldBy(best) || (heldBy(c) === heldBy(best) && c.id < best.id))) best = c;
    return best;
  };
  const moves: Move[] = [];
  let sources = candidates.filter((c) => mine.has(c.id));
  while (sources.length > 0) {
    const from = sources.reduce((a, b) => (heldBy(b) > heldBy(a) || (heldBy(b) === heldBy(a) && b.id < a.id) ? b : a));
    let best: { kind: string; to: Candidate } | null = null;
    for (const [kind, list] of mine.get(from.id)!) {
      const to = list.length > 0 ? emptiest(kind, heldBy(from)) : null;
      if (to && (!best || heldBy(to) < heldBy(best.to))) best = { kind, to };
    }
    // What the fullest can't give away now it never can: others only grow fuller, and it no emptier.
    if (!best) {
      sources = sources.filter((c) => c !== from);
      continue;
    }
    const p = mine.get(from.id)!.get(best.kind)!.shift()!;
    moves.push({ account: p.account, epoch: p.epoch, from: from.id, to: best.to.id });
    held.set(from.id, heldBy(from) - 1);
    held.set(best.to.id, heldBy(best.to) + 1);
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
    if (it.cordoned !== null) return `it is pinned to ${want.pin}, whose machine ${it.cordoned} is cordoned: uncordon it`;
    return !it.capabilities.includes(want.platform) ? `it is pinned to ${want.pin}, which has no platform ${want.platform}` : `it is pinned to ${want.pin}, which is full (${it.held} of ${it.maxAccounts})`;
  }
  const group = want.group ?? 'default';
  const inGroup = candidates.filter((c) => c.groups.includes(group));
  if (inGroup.length === 0) return `no worker of group ${group} runs: start one`;
  const able = inGroup.filter((c) => c.capabilities.includes(want.platform));
  if (able.length === 0) return `no running worker of group ${group} has platform ${want.platform}`;
  const open = able.filter((c) => c.cordoned === null);
  if (open.length === 0) return `every worker of group ${group} is on a cordoned machine: uncordon one`;
  return open.every((c) => c.overMemory) ? `every worker of group ${group} is over its memory` : `every worker of group ${group} is full: add one, or raise max_accounts`;
}
