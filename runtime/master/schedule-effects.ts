import type { ScheduledTask, ScheduleWhen } from '../../machines/schedule.ts';
import type { Answer } from '../../transport/protocol.ts';
import { expandTemplate, taskTemplate, TemplateFault } from '../tasks/task-template.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';
import { nextTime } from './next-time.ts';

export type ScheduleEffectsOptions = { engine(): Engine; command(to: { kind: string; id: string }, verb: string, payload: unknown, id: string, by: string): Promise<Answer>; template(name: string): Promise<unknown> };
type Fire = { schedule: string; count: number; makes: ScheduledTask; title: string; overlap: 'make' | 'skip'; last: string | null; by: string };

/** Works out when a schedule is due, and makes its tasks: one of each count, whoever asks how often. */
export function scheduleEffects({ engine, command, template }: ScheduleEffectsOptions): Record<'nextTime' | 'fire', MasterEffect> {
  return {
    async nextTime({ when, after, anchor }: { when: ScheduleWhen; after: number; anchor: number }) {
      try {
        return { at: nextTime(when, after, anchor) };
      } catch (error) {
        throw new EffectFailed('refused', (error as Error).message);
      }
    },
    async fire({ schedule, count, makes, title, overlap, last, by }: Fire) {
      if (overlap === 'skip' && last) {
        const head = await engine().host.head(`task/${last}`);
        if (head && (head.entry.after as { status: string }).status === 'active') return { task: null, skipped: `task ${last} before it is not finished` };
      }
      const id = `${schedule.slice(0, 50)}-${count}`;
      const made = await command({ kind: 'task', id }, 'create', { title, ...(await taskOf(makes, template)), schedule }, `schedule:${schedule}:${count}`, by);
      if (!made.ok && made.code !== 'duplicate') throw new EffectFailed('refused', made.message);
      return { task: id, skipped: null };
    },
  };
}

async function taskOf(makes: ScheduledTask, template: (name: string) => Promise<unknown>): Promise<Record<string, unknown>> {
  if ('task' in makes) return makes.task;
  const read = taskTemplate.safeParse(await template(makes.template));
  if (!read.success) throw new EffectFailed('refused', `there is no template ${makes.template}: make one of this name, or change the schedule`);
  try {
    return { ...expandTemplate(read.data, makes.params), template: makes.template };
  } catch (error) {
    if (error instanceof TemplateFault) throw new EffectFailed('refused', `template ${makes.template}: ${error.message}`);
    throw error;
  }
}
