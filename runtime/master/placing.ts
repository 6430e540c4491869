import type { Strategy } from './assignment.ts';

/** What a place must offer: a window of its own, a window of an agent that is there, a shell, or room for a new agent. */
export type What = 'page' | 'shell' | 'agent';
export type Want = {
  what: What;
  group: string;
  /** Further groups in order of preference, after a wait in the first. */
  forwardTo: readonly string[];
  forwardAfterMs: number;
  worker: string | null;
  agent: string | null;
  account: string | null;
  labels: Readonly<Record<string, string>>;
  min: { cpu?: number; memoryMb?: number; gpu?: boolean | number };
};

/** A worker as it is now. `windows` and `shells` are in use; labels hold cpu (cores), memory (MB) and gpu besides its own. */
export type Site = {
  id: string;
  incarnation: string;
  groups: readonly string[];
  labels: Readonly<Record<string, string>>;
  allowShell: boolean;
  maxAgents: number;
  maxShells: number;
  windows: number;
  shells: number;
  /** Share of what it may use, 0 to 1 and above. */
  cpu: number;
  overMemory: boolean;
  /** Why nothing new goes there though it runs: it drains, its machine is cordoned. */
  closed: string | null;
  /** When it was last given something; 0 for never. */
  lastGiven: number;
};
/** A window that stays. `busy` names what it works at; `state` is that of its chart. */
export type AgentSite = { id: string; worker: string; account: string | null; group: string; shared: boolean; state: string; busy: string | null };
/** The worker that holds the account, or why none does. `busy` names what it works at. */
export type Holder = { worker: string; incarnation: string; busy: string | null } | { why: string };

export type World = {
  sites: readonly Site[];
  agents: readonly AgentSite[];
  holder(account: string): Holder;
  strategy: Strategy | null;
  /** The worker that had the same account or kind of work last. */
  last: string | null;
};
export type Choice = { site: Site; agent: string | null } | { why: string } | { never: string };

/** After so long in its own group a task may go to those that it names further. */
export const FORWARD_AFTER = 60_000;

/** The view may be a moment behind what has just been made. */
export const UNSEEN = 5_000;

const full = (s: Site, what: What): boolean => (what === 'shell' ? s.shells >= s.maxShells : s.windows >= s.maxAgents);
const used = (s: Site, what: What): number => (what === 'shell' ? s.shells : s.windows);
const most = (s: Site, what: What): number => (what === 'shell' ? s.maxShells : s.maxAgents);
const share = (s: Site, what: What): number => used(s, what) / Math.max(1, most(s, what));

const ORDER: Record<Strategy, (what: What) => (a: Site, b: Site) => number> = {
  'least-connections': (what) => (a, b) => share(a, what) - share(b, what) || used(a, what) - used(b, what),
  affinity: (what) => (a, b) => share(a, what) - share(b, what) || used(a, what) - used(b, what),
  'round-robin': () => (a, b) => a.lastGiven - b.lastGiven,
  'resource-based': (what) => (a, b) => a.cpu - b.cpu || share(a, what) - share(b, what),
};

/** The groups that it may go to after this wait, the best first. */
export const groupsAfter = (want: Want, waitedMs: number): string[] => (waitedMs >= want.forwardAfterMs ? [want.group, ...want.forwardTo.filter((g) => g !== want.group)] : [want.group]);

/** Where it goes, why it can't go anywhere yet, or why it never can. Pure. */
export function choose(want: Want, world: World, waitedMs: number): Choice {
  if (want.agent !== null) return chooseAgent(want, want.agent, world, waitedMs);
  const holder = want.account === null ? null : world.holder(want.account);
  if (holder && 'why' in holder) return holder;
  if (holder?.busy && want.what !== 'agent') return { why: `account ${want.account} is busy with ${holder.busy}` };
  const strategy = world.strategy ?? (want.account === null ? 'least-connections' : 'affinity');
  let why: string | null = null;
  for (const group of groupsAfter(want, waitedMs)) {
    const found = inGroup(want, group, world, holder, strategy);
    if (!('why' in found)) return found;
    why ??= found.why;
  }
  return { why: why! };
}

function inGroup(want: Want, group: string, world: World, holder: Exclude<Holder, { why: string }> | null, strategy: Strategy): Extract<Choice, { site: Site } | { why: string }> {
  const { what } = want;
  const pin = want.worker ?? holder?.worker ?? null;
  const pinned = pin === null ? null : (world.sites.find((s) => s.id === pin) ?? null);
  if (pin !== null && !pinned) return { why: want.worker === null ? `worker ${pin}, which has its account, does not run` : `worker ${pin} does not run: start it` };
  if (want.worker !== null && holder && holder.worker !== want.worker) return { why: `account ${want.account} is on worker ${holder.worker}, and it is pinned to ${want.worker}` };
  // A pin is an operator's word, and an account is where it is: both overrule the group.
  const ofGroup = pinned ? [pinned] : world.sites.filter((s) => s.groups.includes(group));
  if (ofGroup.length === 0) return { why: `no worker of group ${group} runs: start one` };
  const able = ofGroup.filter((s) => what !== 'shell' || s.allowShell);
  if (able.length === 0) return { why: pinned ? `worker ${pinned.id} may not run shell tasks: start it with --allow-shell` : group === 'default' ? 'no worker that may run shell tasks: start one with --allow-shell' : `no worker of group ${group} that may run shell tasks: start one with --allow-shell` };
  const fit = able.filter((s) => lacks(s, want) === null);
  const who = pinned ? `worker ${pinned.id}` : `group ${group}`;
  if (fit.length === 0) return { why: pinned ? `worker ${pinned.id} ${lacks(pinned, want)}` : `no running worker of group ${group} has ${wanted(want)}` };
  const open = fit.filter((s) => s.closed === null && !s.overMemory);
  if (open.length === 0) return { why: fit.every((s) => s.closed !== null) ? `${pinned ? `worker ${pinned.id}` : `every worker of ${who}`} takes nothing new: ${fit[0]!.closed}` : `${pinned ? `worker ${pinned.id} is` : `every worker of ${who} is`} over its memory` };
  if (what === 'page') {
    const idle = world.agents.filter((a) => a.shared && a.busy === null && a.state === 'idle' && a.account === want.account);
    const site = idle.length === 0 ? null : best(open.filter((s) => idle.some((a) => a.worker === s.id)), what, strategy, world.last);
    if (site) return { site, agent: idle.find((a) => a.worker === site.id)!.id };
  }
  const free = best(open.filter((s) => !full(s, what)), what, strategy, world.last);
  if (free) return { site: free, agent: null };
  const sum = (of: (s: Site) => number) => open.reduce((n, s) => n + of(s), 0);
  const count = `(${sum((s) => used(s, what))} of ${sum((s) => most(s, what))})`;
  if (sum((s) => most(s, what)) === 0) return { why: `${pinned ? `worker ${pinned.id} runs` : `the workers of ${who} run`} no tasks: give ${pinned ? 'it' : 'one'} --max-agents` };
  return { why: open.length === 1 ? `worker ${open[0]!.id}${pinned ? '' : ` of ${who}`} is full ${count}` : `all ${open.length} workers of ${who} are full ${count}` };
}

function chooseAgent(want: Want, id: string, world: World, waitedMs: number): Choice {
  const agent = world.agents.find((a) => a.id === id);
  if (!agent && waitedMs < UNSEEN) return { why: `its agent ${id} is opening` };
  if (!agent || agent.state === 'closed') return { never: `there is no agent ${id}: open one, or leave the choice to the fleet` };
  if (want.account !== null && agent.account !== want.account) return { never: `agent ${id} works ${agent.account === null ? 'without an account' : `as account ${agent.account}`}, not as ${want.account}` };
  if (agent.busy !== null) return { why: `its agent ${id} is busy` };
  const site = world.sites.find((s) => s.id === agent.worker);
  if (!['idle', 'busy'].includes(agent.state) || !site) return { why: `its agent ${id} is ${agent.state === 'idle' || agent.state === 'busy' ? 'offline' : agent.state}` };
  if (want.worker !== null && want.worker !== site.id) return { never: `agent ${id} is on worker ${site.id}, and it is pinned to ${want.worker}` };
  const lacking = lacks(site, want);
  if (lacking) return { why: `worker ${site.id} of its agent ${id} ${lacking}` };
  return { site, agent: id };
}

/** The best of them, null where there is none; what the strategy finds alike goes by name. */
function best(sites: readonly Site[], what: What, strategy: Strategy, last: string | null): Site | null {
  const order = ORDER[strategy](what);
  const favour = (s: Site) => (strategy === 'affinity' && s.id === last ? 1 : 0);
  const before = (a: Site, b: Site) => (favour(b) - favour(a) || order(a, b) || (a.id < b.id ? -1 : 1)) < 0;
  return sites.reduce<Site | null>((found, s) => (found === null || before(s, found) ? s : found), null);
}

/** What it lacks, in words, or null. */
function lacks(site: Site, { labels, min }: Want): string | null {
  for (const [name, value] of Object.entries(labels)) if (site.labels[name] !== value) return `has no label ${name}=${value}`;
  if (min.cpu !== undefined && Number(site.labels['cpu'] ?? 0) < min.cpu) return `has fewer than ${min.cpu} CPU cores`;
  if (min.memoryMb !== undefined && Number(site.labels['memory'] ?? 0) < min.memoryMb) return `has less than ${min.memoryMb} MB of memory`;
  if (min.gpu && gpus(site) < (min.gpu === true ? 1 : min.gpu)) return min.gpu === true || min.gpu === 1 ? 'has no GPU' : `has fewer than ${min.gpu} GPUs`;
  return null;
}

const gpus = ({ labels: { gpu = '0' } }: Site): number => (/^\d+$/.test(gpu) ? Number(gpu) : ['', 'false', 'no', 'none'].includes(gpu) ? 0 : 1);

const wanted = ({ labels, min }: Want): string =>
  [
    ...Object.entries(labels).map(([k, v]) => `label ${k}=${v}`),
    ...(min.cpu !== undefined ? [`${min.cpu} CPU cores`] : []),
    ...(min.memoryMb !== undefined ? [`${min.memoryMb} MB of memory`] : []),
    ...(min.gpu ? [min.gpu === true || min.gpu === 1 ? 'a GPU' : `${min.gpu} GPUs`] : []),
  ].join(' and ');
