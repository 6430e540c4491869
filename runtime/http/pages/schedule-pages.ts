import { scheduleConfig, schedulePatch } from '../../../actors/schedule.ts';
import type { ScheduleConfig, ScheduleWhen } from '../../../machines/schedule.ts';
import { scheduleDialog, schedulePage, schedulePreview, schedulesPage, type ScheduleCard, type ScheduleFormModel } from '../../../views/schedules.ts';
import { nextTimes } from '../../master/next-time.ts';
import { listTurns } from '../../read-model/queries/actors.ts';
import { findSchedule, listSchedules, type ScheduleRow } from '../../read-model/queries/schedules.ts';
import { findTaskTemplate, listTaskTemplates } from '../../tasks/template-store.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { around } from '../work/around.ts';
import { formTask } from '../work/form-task.ts';
import { EMPTY, valuesOf } from '../work/task-form-model.ts';
import { filled, paramLines } from './template-pages.ts';

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SOON = 5;

/** Tasks by the clock: what there is, when it comes, what it made. */
export const schedulePages = (): Route[] => [
  page('get', '/schedules', 'read', (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.schedules'), topics: ['schedule', 'inbox', 'reply', 'notification'], main: schedulesPage(x, { schedules: listSchedules(call.d.db).map(card), mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/schedules/preview', 'operate', (call) => showPiece(schedulePreview(context(call), preview(call, Object.fromEntries(new URL(call.c.req.url).searchParams))))),
  page('get', '/schedules/new', 'operate', async (call) => {
    const x = context(call);
    const name = call.query('template') ?? null;
    const base = await formOf(call, { heading: x.t('schedule.new'), action: '/schedules', config: null, template: name });
    return showPiece(scheduleDialog(x, base));
  }),
  page('post', '/schedules', 'operate', async (call) => {
    const form = await readForm(call.c);
    const config = await readSchedule(call, form);
    await call.command({ kind: 'schedule', id: freshId('s') }, 'create', config);
    return done(call, 'done.created', { name: config.title });
  }),
  page('get', '/schedules/:id', 'read', (call) => {
    const x = context(call);
    const s = one(call);
    const times = s.status === 'paused' || s.status === 'ended' || s.nextAt === null ? [] : [s.nextAt, ...safeTimes(s.config.when, s.nextAt, s.createdAt, SOON - 1)];
    const history = listTurns(call.d.db, { kind: 'schedule', id: s.id, limit: 60 }).filter((t) => (t.event === '~start' || !t.event.startsWith('~')) && !t.event.startsWith('xstate.')).slice(0, 15).map((t) => ({ index: t.index, event: t.event, by: t.by, atMs: t.atMs }));
    return showPage(call, x, { title: s.config.title, topics: [`schedule/${s.id}`, 'inbox', 'reply', 'notification'], main: schedulePage(x, { card: card(s), nextTimes: times, history, mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/schedules/:id/edit', 'operate', async (call) => {
    const x = context(call);
    const s = one(call);
    return showPiece(scheduleDialog(x, await formOf(call, { heading: x.t('schedule.edit', { title: s.config.title }), action: `/schedules/${s.id}`, config: s.config, template: 'template' in s.config.makes ? s.config.makes.template : null })));
  }),
  page('post', '/schedules/:id', 'operate', async (call) => {
    const s = one(call);
    const config = await readSchedule(call, await readForm(call.c));
    await call.command({ kind: 'schedule', id: s.id }, 'update', checked(schedulePatch, config));
    return done(call, 'done.saved');
  }),
  ...(['pause', 'resume', 'now', 'remove'] as const).map((verb) =>
    page('post', `/schedules/:id/${verb}`, 'operate', async (call) => {
      const s = one(call);
      await call.command({ kind: 'schedule', id: s.id }, verb);
      return done(call, verb === 'remove' ? 'done.removed' : ({ now: 'done.schedule-now', pause: 'done.paused', resume: 'done.resumed' } as const)[verb], { name: s.config.title });
    })),
];

const one = (call: Call): ScheduleRow => found(findSchedule(call.d.db, call.param('id')), `schedule ${call.param('id')}`);

const card = (s: ScheduleRow): ScheduleCard => ({ id: s.id, title: s.config.title, status: s.status, when: s.config.when, nextMs: s.nextAt, makes: 'template' in s.config.makes ? s.config.makes.template : null, overlap: s.config.overlap, missed: s.config.missed, error: s.error, by: s.by, fired: s.fired });

function safeTimes(when: ScheduleWhen, after: number, anchor: number, n: number): number[] {
  try {
    return nextTimes(when, after, anchor, n);
  } catch {
    return [];
  }
}

/** What the form's fields of time say. Throws 422 that names the field. */
function readWhen(form: Readonly<Record<string, string>>): ScheduleWhen {
  const fault = (field: string, text: string) => new Problem(422, 'invalid', `${field}: ${text}`, { field });
  switch (form['kind']) {
    case 'every': {
      const n = Number(form['every']);
      const unit = UNITS[form['unit'] ?? ''];
      if (!Number.isInteger(n) || n < 1 || !unit) throw fault('every', 'must be a whole number, 1 at least');
      return { everyMs: n * unit };
    }
    case 'once': {
      const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(form['at'] ?? '') ? Date.parse(form['at']!) : NaN;
      if (Number.isNaN(at)) throw fault('at', 'must be a day and a time');
      return { at };
    }
    default: {
      const when = { cron: (form['cron'] ?? '').trim(), timezone: (form['timezone'] ?? '').trim() || 'Asia/Shanghai' };
      try {
        nextTimes(when, 0, 0, 1);
      } catch (error) {
        throw fault(/time ?zone/i.test((error as Error).message) ? 'timezone' : 'cron', (error as Error).message);
      }
      return when;
    }
  }
}

function preview(call: Call, form: Readonly<Record<string, string>>): ScheduleFormModel['preview'] {
  try {
    const now = call.d.now();
    const when = readWhen(form);
    return { times: nextTimes(when, now, now, 3), zone: 'cron' in when ? when.timezone : null, error: null };
  } catch (error) {
    return { times: [], zone: null, error: (error as Error).message };
  }
}

async function readSchedule(call: Call, form: Readonly<Record<string, string>>): Promise<ScheduleConfig> {
  const when = readWhen(form);
  const name = form['template'];
  const common = { title: form['title'] ?? '', when, overlap: form['overlap'], missed: form['missed'] };
  if (name) {
    const template = found(await findTaskTemplate(call.d.settings, name), `template ${name}`);
    filled(template, form);
    const params = Object.fromEntries(Object.entries(form).flatMap(([k, v]) => (k.startsWith('param-') ? [[k.slice(6), v]] : [])));
    return checked(scheduleConfig, { ...common, makes: { template: name, params } });
  }
  return checked(scheduleConfig, { ...common, makes: { task: formTask(call, form) } });
}

async function formOf(call: Call, m: { heading: string; action: string; config: ScheduleConfig | null; template: string | null }): Promise<ScheduleFormModel> {
  const x = context(call);
  const template = m.template ? found(await findTaskTemplate(call.d.settings, m.template), `template ${m.template}`) : null;
  const w = m.config?.when ?? { cron: '0 9 * * *', timezone: 'Asia/Shanghai' };
  const every = 'everyMs' in w ? (['d', 'h', 'm', 's'] as const).find((u) => w.everyMs % UNITS[u]! === 0)! : 'm';
  const makes = m.config?.makes;
  const title = m.config?.title ?? (template?.task.title ?? '').replace(/\{\{.*?\}\}/g, '').trim();
  return {
    ...around(call), heading: m.heading, action: m.action, submit: x.t('save'), values: { ...(makes && 'task' in makes ? valuesOf(makes.task) : EMPTY), title },
    kind: 'cron' in w ? 'cron' : 'everyMs' in w ? 'every' : 'once', cron: 'cron' in w ? w.cron : '0 9 * * *', timezone: 'cron' in w ? w.timezone : 'Asia/Shanghai',
    every: 'everyMs' in w ? w.everyMs / UNITS[every]! : 10, unit: every, at: 'at' in w ? localMinute(w.at) : '', overlap: m.config?.overlap ?? 'skip', missed: m.config?.missed ?? 'one',
    template: m.template, templates: m.config ? [] : (await listTaskTemplates(call.d.settings)).map((t) => t.name), templateParams: template && { params: paramLines(template), values: makes && 'template' in makes ? Object.fromEntries(Object.entries(makes.params).map(([k, v]) => [k, String(v)])) : {} },
    preview: { times: safeTimes(w, call.d.now(), call.d.now(), 3), zone: 'cron' in w ? w.timezone : null, error: null },
  };
}

/** As a `datetime-local` field has it. */
const localMinute = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
