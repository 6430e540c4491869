import type { Ctx } from '../../../views/context.ts';
import type { WorkerCard } from '../../../views/workers.ts';
import type { WorkerRow } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import { fieldsToApply } from '../fleet/config-service.ts';
import { whyNot, type Verb } from '../fleet/verbs.ts';

const ALL: Verb[] = ['start', 'stop', 'restart', 'drain', 'kill', 'retry', 'remove', 'prepare'];

/** A worker as lists and its own page show it. */
export function workerCard(call: Call, x: Ctx, w: WorkerRow): WorkerCard {
  const f = call.d.figures.latest(w.id);
  const cannot = Object.fromEntries(ALL.flatMap((verb) => {
    const why = whyNot(w, verb);
    return why ? [[verb, x.word('cannot', why)]] : [];
  }));
  return {
    id: w.id, name: w.name, deploymentType: w.deploymentType, place: placeOf(w), process: w.status === 'stopped' ? null : processOf(w), groups: w.groups, maxAccounts: w.maxAccounts, maxMemoryMb: w.maxMemoryMb, assigned: w.assigned, enabled: w.enabled, autoStart: w.autoStart, autoRestart: w.autoRestart,
    status: w.status, cause: w.cause, link: w.link, startedMs: w.startedAt === null ? null : w.startedAt * 1000, restartCount: w.restartCount, nextRetryMs: w.nextRetryMs, lastError: w.lastError, version: w.version,
    behind: w.runs && w.runs.applied < w.version && w.status !== 'stopped' ? { runs: w.runs.applied, fields: fieldsToApply(call, w) } : null,
    cordoned: w.cordoned,
    figures: f && { cpuPercent: f.cpuPercent, memoryMb: f.memoryMb, browsers: f.browsers, busy: f.crawl + f.reply + f.login, atMs: f.atMs },
    cannot,
  };
}

function placeOf({ config: c, ...w }: WorkerRow): string {
  if (c.deployment_type === 'remote' && c.ssh_host) return `${c.ssh_user ?? '?'}@${c.ssh_host}:${c.ssh_port}`;
  if (c.deployment_type === 'docker' && c.docker_image) return c.docker_image;
  if (c.deployment_type === 'k8s' && c.k8s_image) return `${c.k8s_namespace ?? 'troupe'}/${c.k8s_image}`;
  if (c.deployment_type === 'agent' && c.machine) return c.machine;
  return `${w.host}:${w.port}`;
}

const processOf = (w: WorkerRow): string | null => (w.pod ? w.pod : w.container ? w.container.slice(0, 12) : w.pid ? `pid ${w.pid}` : null);
