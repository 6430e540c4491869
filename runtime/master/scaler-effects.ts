import { workerConfig } from '../../actors/worker.ts';
import type { WorkerContext } from '../../machines/worker.ts';
import type { Answer } from '../../transport/protocol.ts';
import { CORDON, cordonAt, cordonWords } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';

export type ScalerEffectsOptions = { db: Db; engine(): Engine; command(actor: { kind: string; id: string }, verb: string, payload: unknown, id: string): Promise<Answer>; template(name: string): Promise<Record<string, unknown> | null> };

/** Adds a worker to a group, or takes one out in order. Each step has an id of its own: asked twice, done once. */
export function scalerEffects({ db, engine, command, template }: ScalerEffectsOptions): Record<'scaleOut' | 'scaleIn', MasterEffect> {
  const must = (answer: Answer): Answer => {
    if (!answer.ok) throw new EffectFailed('refused', answer.message);
    return answer;
  };
  return {
    async scaleOut({ group, template: name, step }: { group: string; template: string; step: string }) {
      const idle = db.prepare(`SELECT w.id FROM workers w JOIN worker_runtime r ON r.worker_id = w.id JOIN worker_configs c ON c.worker_id = w.id WHERE r.status = 'stopped' AND c.enabled = 1 AND json_extract(w.labels, '$.scaler') = ? AND ${CORDON} IS NULL ORDER BY w.id LIMIT 1`).pluck().get(group) as string | undefined;
      if (idle) {
        must(await command({ kind: 'worker', id: idle }, 'start', {}, `scale:${group}:${step}:start`));
        return { worker: idle };
      }
      const saved = await template(name);
      if (!saved) throw new EffectFailed('refused', `there is no template ${name}: save a worker as a template of this name`);
      const cordoned = cordonAt(db, saved);
      if (cordoned) throw new EffectFailed('refused', `template ${name}: ${cordonWords(cordoned)}`);
      const id = await freeId(engine(), group, step);
      const wanted = { ...saved, name: id, group_name: group, labels: { ...(saved['labels'] as object | undefined), scaler: group, 'scaler-step': step }, port: portOf(saved, id) };
      const read = workerConfig.safeParse(wanted);
      if (!read.success) throw new EffectFailed('refused', `template ${name}: ${String(read.error.issues[0]?.path.join('.'))} ${read.error.issues[0]?.message}`);
      const made = await command({ kind: 'worker', id }, 'create', read.data, `scale:${group}:${step}:create`);
      if (!made.ok && made.code !== 'duplicate') must(made);
      must(await command({ kind: 'worker', id }, 'start', {}, `scale:${group}:${step}:start`));
      return { worker: id };
    },
    async scaleIn({ worker }: { worker: string }) {
      must(await command({ kind: 'worker', id: worker }, 'drain', {}, `scale-in:${worker}:${Date.now()}`));
      return { worker };
    },
  };
}

/** `gpu-auto-3`: the first free number, or the one that this very step has made. */
async function freeId(engine: Engine, group: string, step: string): Promise<string> {
  const base = `${group.slice(0, 50)}-auto`;
  for (let n = 1; ; n++) {
    const head = await engine.host.head(`worker/${base}-${n}`);
    if (!head || (head.entry.after as { status: string }).status !== 'active') return `${base}-${n}`;
    if ((head.entry.after as { context: WorkerContext }).context.config.labels['scaler-step'] === step) return `${base}-${n}`;
  }
}

/** Workers on one machine each need a port of their own for their health page. */
const portOf = (saved: Record<string, unknown>, id: string): number => {
  const base = typeof saved['port'] === 'number' ? saved['port'] : 4001;
  return saved['deployment_type'] === undefined || saved['deployment_type'] === 'local' ? Math.min(65_535, base + Number(/(\d+)$/.exec(id)![1])) : base;
};
