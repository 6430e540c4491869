import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, choice, clock, countdown, dialog, empty, field, menu, opener, region, tag, who, zoneHint } from './parts.ts';
import { taskFields, type TaskFormModel } from './task-form.ts';
import { paramFields, type UseModel } from './task-templates.ts';
import { duration } from './tasks.ts';
import { workTabs } from './work-tabs.ts';

export type ScheduleCard = {
  id: string;
  title: string;
  status: string;
  /** As a person reads it: a cron line with its zone, an interval, a moment. */
  when: { cron: string; timezone: string } | { everyMs: number } | { at: number };
  nextMs: number | null;
  makes: string | null;
  overlap: string;
  missed: string;
  error: string | null;
  by: string;
  fired: { at: number; task: string | null; skipped: string | null; error: string | null }[];
};

export function schedulesPage(x: Ctx, m: { schedules: ScheduleCard[]; mayAct: boolean }): Html {
  return html`<div class="page-head"><h1>${x.t('nav.schedules')}</h1><div class="toolbar">${m.mayAct ? opener('/schedules/new', x.t('schedule.new'), 'main') : null}</div></div>${workTabs(x)}
  ${region(x, 'schedules', ['schedule'], m.schedules.length === 0 ? empty(x.t('schedule.none'), x.t('schedule.none-next'), m.mayAct ? opener('/schedules/new', x.t('schedule.new'), 'main') : null) : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('task.title')}</th><th>${x.t('state')}</th><th>${x.t('schedule.when')}</th><th>${x.t('schedule.next')}</th><th>${x.t('schedule.last')}</th><th class="end">${x.t('actions')}</th></tr></thead><tbody>${m.schedules.map((s) => row(x, s, m.mayAct))}</tbody></table></div>`)}`;
}

function row(x: Ctx, s: ScheduleCard, mayAct: boolean): Html {
  const last = s.fired[0];
  return html`<tr id=${`schedule-${s.id}`} data-row=""><td data-label=${x.t('task.title')}><a href=${`/schedules/${s.id}`} data-open=""><b>${s.title}</b></a>${s.makes ? html`<div class="chips">${chip(s.makes, 'note')}</div>` : null}</td>
  <td data-label=${x.t('state')}>${tag(x, s.status, 'schedule')}${s.error ? html`<div class="sub bad-text">${s.error}</div>` : null}</td>
  <td data-label=${x.t('schedule.when')}>${whenWords(x, s.when)}</td>
  <td data-label=${x.t('schedule.next')}>${s.nextMs ? html`${countdown(x, s.nextMs)}<div class="sub">${zoned(x, s.nextMs, zoneOf(s.when))}</div>` : html`<span class="muted">—</span>`}</td>
  <td data-label=${x.t('schedule.last')}>${last ? html`${ago(x, last.at)}${firedWords(x, last)}` : html`<span class="muted">—</span>`}</td>
  <td class="end actions" data-label=${x.t('actions')}>${mayAct ? html`${mainButton(x, s)} ${menu(x, `menu-${s.id}`, more(x, s))}` : null}</td></tr>`;
}

const mainButton = (x: Ctx, s: ScheduleCard): Html =>
  s.status === 'paused' ? button({ url: `/schedules/${s.id}/resume`, label: x.t('pause.resume'), tone: 'main' }) : button({ url: `/schedules/${s.id}/pause`, label: x.t('pause.pause'), why: s.status === 'ended' || s.status === 'error' ? x.t('schedule.no-more') : null });
const more = (x: Ctx, s: ScheduleCard): Value[] => [button({ url: `/schedules/${s.id}/now`, label: x.t('schedule.now') }), opener(`/schedules/${s.id}/edit`, x.t('edit')), button({ url: `/schedules/${s.id}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('schedule.remove-sure', { title: s.title }) })];

function firedWords(x: Ctx, f: ScheduleCard['fired'][number]): Html {
  if (f.error) return html`<div class="sub bad-text">${f.error}</div>`;
  if (f.skipped) return html`<div class="sub">${f.skipped === 'missed' ? x.t('schedule.missed') : x.t('schedule.skipped')}</div>`;
  return html`<div class="sub"><a href=${`/tasks/${f.task}`}>${f.task}</a></div>`;
}

export function whenWords(x: Ctx, w: ScheduleCard['when']): Html {
  if ('cron' in w) return html`<code>${w.cron}</code><div class="sub">${w.timezone}</div>`;
  if ('everyMs' in w) return html`${x.t('schedule.every', { time: duration(x, w.everyMs) })}`;
  return html`${x.t('schedule.once')}<div class="sub">${clock(x, w.at)}</div>`;
}

export type ScheduleModel = { card: ScheduleCard; nextTimes: number[]; history: { index: number; event: string; by: string | null; atMs: number }[]; mayAct: boolean };

/** One schedule: when it comes next, what it has made, who changed it. */
export function schedulePage(x: Ctx, m: ScheduleModel): Html {
  const s = m.card;
  return html`<div class="page-head">${region(x, 'schedule-name', [`schedule/${s.id}`], html`<h1>${s.title}</h1>`, 'grow')}${region(x, 'schedule-actions', [`schedule/${s.id}`], html`<div class="toolbar"><a class="button plain" href=${`/actors/schedule/${s.id}`}>${x.t('actors.look')}</a>${m.mayAct ? html`${opener(`/schedules/${s.id}/edit`, x.t('edit'))}${mainButton(x, s)}${button({ url: `/schedules/${s.id}/now`, label: x.t('schedule.now'), tone: 'main' })}` : null}</div>`)}</div>${workTabs(x)}
  ${region(x, 'schedule', [`schedule/${s.id}`], html`<div class="card worker-state"><div>${tag(x, s.status, 'schedule')}${s.error ? html`<div class="sub bad-text">${s.error}</div>` : null}</div><dl class="facts"><dt>${x.t('schedule.when')}</dt><dd>${whenWords(x, s.when)}</dd><dt>${x.t('schedule.makes')}</dt><dd>${s.makes ? html`<a href="/task-templates">${s.makes}</a>` : x.t('schedule.own-task')}</dd><dt>${x.t('schedule.overlap')}</dt><dd>${x.word('overlap', s.overlap)}</dd><dt>${x.t('schedule.missed-rule')}</dt><dd>${x.word('missed', s.missed)}</dd><dt>${x.t('task.made')}</dt><dd>${who(s.by)}</dd></dl></div>
  <div class="columns even"><div><h2 class="group">${x.t('schedule.next-times')}</h2>${m.nextTimes.length === 0 ? html`<p class="muted">${x.t(s.status === 'paused' ? 'schedule.is-paused' : 'schedule.no-more')}</p>` : html`<ol class="pending">${m.nextTimes.map((t) => html`<li><span class="grow">${zoned(x, t, zoneOf(s.when))}</span>${countdown(x, t)}</li>`)}</ol>`}
  <h2 class="group">${x.t('schedule.changes')}</h2><ol class="activity">${m.history.map((h) => html`<li><a href=${`/actors/schedule/${s.id}?turn=${h.index}`}>${h.event === '~start' ? x.t('audit.created') : h.event}</a> <span class="sub">${h.by ? `${who(h.by)} · ` : null}${ago(x, h.atMs)}</span></li>`)}</ol></div>
  <div><h2 class="group">${x.t('schedule.made')}</h2>${s.fired.length === 0 ? html`<p class="muted">${x.t('schedule.made-none')}</p>` : html`<ol class="pending">${s.fired.map((f) => html`<li><span class="grow">${firedWords(x, f)}</span><span class="sub">${ago(x, f.at)}</span></li>`)}</ol>`}</div></div>`)}`;
}

export type ScheduleFormModel = Omit<TaskFormModel, 'lead'> & { kind: 'cron' | 'every' | 'once'; cron: string; timezone: string; every: number; unit: 's' | 'm' | 'h' | 'd'; at: string; overlap: string; missed: string; template: string | null; templates: string[]; templateParams: Pick<UseModel, 'params' | 'values'> | null; preview: { times: number[]; zone: string | null; error: string | null } };

/** When, and what: a template with its values, or a task of its own. Only the fields of the chosen kind of time show. */
export function scheduleDialog(x: Ctx, m: ScheduleFormModel): Html {
  return dialog(x, m.heading, html`<form class="task-form schedule-form" hx-post=${m.action} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <fieldset class="step-box"><legend>${x.t('schedule.when')}</legend><div class="grid" hx-get="/schedules/preview" hx-include="closest form" hx-target="#schedule-preview" hx-swap="outerHTML" hx-trigger="input delay:300ms, change">${choice('kind', x.t('schedule.kind'), m.kind, (['cron', 'every', 'once'] as const).map((k) => [k, x.word('schedule-kind', k)]))}
    <label class="field when-cron"><span>${x.t('schedule.cron')}</span><input name="cron" class="mono" value=${m.cron} autocomplete="off" spellcheck="false"><small>${x.t('schedule.cron-hint')}</small></label>
    <label class="field when-cron"><span>${x.t('schedule.timezone')}</span><input name="timezone" value=${m.timezone} list="zones" autocomplete="off"><datalist id="zones">${['Asia/Shanghai', 'UTC', 'Asia/Tokyo', 'Europe/Berlin', 'America/New_York'].map((z) => html`<option value=${z}></option>`)}</datalist></label>
    <label class="field when-every"><span>${x.t('schedule.every-label')}</span><input name="every" type="number" min="1" max="100000" value=${m.every}></label>
    <label class="field when-every"><span>${x.t('schedule.unit')}</span><select name="unit">${(['s', 'm', 'h', 'd'] as const).map((u) => html`<option value=${u} ?selected=${u === m.unit}>${x.word('unit', u)}</option>`)}</select></label>
    <label class="field when-once"><span>${x.t('schedule.at')}</span><input name="at" type="datetime-local" value=${m.at}>${zoneHint(x)}</label></div>${schedulePreview(x, m.preview)}
    <div class="grid">${choice('overlap', x.t('schedule.overlap'), m.overlap, (['skip', 'make'] as const).map((o) => [o, x.word('overlap', o)]))}${choice('missed', x.t('schedule.missed-rule'), m.missed, (['one', 'none'] as const).map((o) => [o, x.word('missed', o)]))}</div></fieldset>
  <fieldset class="step-box"><legend>${x.t('schedule.makes')}</legend>${m.template === null ? html`${m.templates.length > 0 ? html`<p class="row sub">${x.t('schedule.of-template')} ${m.templates.map((t) => opener(`/schedules/new?template=${encodeURIComponent(t)}`, t))}</p>` : null}${taskFields(x, m)}` : html`<input type="hidden" name="template" value=${m.template}>${field({ name: 'title', label: x.t('task.title'), value: m.values.title, required: true })}<p class="sub">${x.t('schedule.from-template', { name: m.template })}</p>${m.templateParams ? paramFields(x, m.templateParams) : null}`}</fieldset>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${m.submit}</button></footer></form>`, 'wide-dialog');
}

/** A moment in the schedule's own time zone. */
const zoned = (x: Ctx, ms: number, zone: string | null): string => new Intl.DateTimeFormat(x.lang, { dateStyle: 'medium', timeStyle: ms % 60_000 === 0 ? 'short' : 'medium', ...(zone ? { timeZone: zone } : {}) }).format(ms);
const zoneOf = (w: ScheduleCard['when']): string | null => ('cron' in w ? w.timezone : null);

/** The next times as the form stands now, or what is wrong with it. */
export const schedulePreview = (x: Ctx, p: ScheduleFormModel['preview']): Html => html`<p id="schedule-preview" class=${p.error ? 'sub bad-text' : 'sub'} aria-live="polite">${p.error ?? (p.times.length === 0 ? x.t('schedule.no-more') : x.t('schedule.preview', { times: p.times.map((t) => zoned(x, t, p.zone)).join(' · ') }))}</p>`;
