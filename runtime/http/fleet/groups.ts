import { planRebalance, rank, whyNone, type Candidate, type Move, type Placed } from '../../master/assignment.ts';
import { accountsByGroup, listAccounts, type AccountRow } from '../../read-model/queries/accounts.ts';
import { listScalers, type ScalerRow } from '../../read-model/queries/scalers.ts';
import { listWorkers, type WorkerRow } from '../../read-model/queries/workers.ts';
import type { Deps } from '../ports.ts';

const EVERY = 100_000;

/** Those that may be given accounts, as the masters see them. */
export function candidates(d: Pick<Deps, 'figures'>, workers: WorkerRow[]): Candidate[] {
  return workers.filter((w) => w.link === 'connected' && w.status === 'running').map((w) => {
    const f = d.figures.latest(w.id);
    return { id: w.id, capabilities: w.capabilities, groups: w.groups, held: w.assigned, maxAccounts: w.maxAccounts, cpu: (f?.cpuPercent ?? 0) / 100 / w.cpuCores, overMemory: (f?.memoryMb ?? 0) > w.maxMemoryMb, cordoned: w.cordoned, lastGiven: 0 };
  });
}

export type Waiting = { id: string; name: string; group: string; why: string };

/** Why each of these accounts has no worker; those that look for one. */
export function waitingAccounts(d: Pick<Deps, 'db' | 'figures'>, workers: WorkerRow[], accounts: AccountRow[]): Waiting[] {
  const able = candidates(d, workers);
  return accounts.flatMap((a) => {
    const want = { platform: a.platform, group: a.group, pin: a.pinned, prefer: null, last: a.previous };
    // One that has a place to go is on its way there.
    return rank(able, want, 'least-connections').length > 0 ? [] : [{ id: a.id, name: a.name, group: a.group ?? 'default', why: whyNone(able, want) }];
  });
}

export type Group = { name: string; workers: WorkerRow[]; running: number; capacity: number; assigned: number; accounts: number; waiting: Waiting[]; scaler: ScalerRow | null };

/** Every group that a worker serves, an account wants or a scaler keeps. */
export function fleetGroups(d: Pick<Deps, 'db' | 'figures'>): Group[] {
  const workers = listWorkers(d.db);
  const wanted = accountsByGroup(d.db);
  const scalers = new Map(listScalers(d.db).map((s) => [s.group, s]));
  const waiting = waitingAccounts(d, workers, listAccounts(d.db, { finding: true, limit: EVERY }));
  const names = new Set([...workers.flatMap((w) => w.groups), ...wanted.keys(), ...scalers.keys()]);
  return [...names].sort((a, b) => Number(b === 'default') - Number(a === 'default') || a.localeCompare(b)).map((name) => {
    const own = workers.filter((w) => w.groups.includes(name));
    return {
      name, workers: own, running: own.filter((w) => w.status === 'running').length, capacity: own.filter((w) => w.enabled).reduce((n, w) => n + w.maxAccounts, 0), assigned: own.reduce((n, w) => n + w.assigned, 0),
      accounts: wanted.get(name) ?? 0, waiting: waiting.filter((w) => w.group === name), scaler: scalers.get(name) ?? null,
    };
  });
}

export type PlannedMove = Move & { name: string };

/** The moves that would even the load out, of all or of one group's accounts. */
export function rebalancePlan(d: Pick<Deps, 'db' | 'figures'>, group?: string): PlannedMove[] {
  const accounts = listAccounts(d.db, { limit: EVERY }).filter((a) => a.worker !== null && a.leaseState === 'held' && (!group || (a.group ?? 'default') === group));
  const names = new Map(accounts.map((a) => [a.id, a.name]));
  const placed: Placed[] = accounts.map((a) => ({ account: a.id, platform: a.platform, group: a.group, pinned: a.pinned !== null, worker: a.worker!, epoch: a.epoch }));
  return planRebalance(candidates(d, listWorkers(d.db)), placed).map((m) => ({ ...m, name: names.get(m.account) ?? m.account }));
}
