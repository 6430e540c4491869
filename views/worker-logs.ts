import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { dialog, hour, region } from './parts.ts';
import { visible } from './visible.ts';

export type LogLine = { id: number; atMs: number; level: string; category: string; message: string };
export type LogFilter = { level: string; category: string; q: string };
export type WorkerLogs = { worker: string; name: string; filter: LogFilter; categories: string[]; lines: LogLine[] };

const LEVELS = ['debug', 'info', 'warn', 'error'];

/** The last 200 lines that fit, live, in a drawer. */
export const workerLogs = (x: Ctx, m: WorkerLogs): Html => dialog(x, x.t('workers.logs-of', { name: m.name }), logView(x, m), 'drawer');

/** The lines with their filters. It follows its end unless one scrolls up. */
export function logView(x: Ctx, m: WorkerLogs): Html {
  const given = new URLSearchParams(Object.entries(m.filter).filter(([, v]) => v !== ''));
  const file = new URLSearchParams([...given, ['format', 'text'], ['limit', '500']]);
  const at = { ...x, url: `/workers/${m.worker}/logs${given.size > 0 ? `?${given.toString()}` : ''}` };
  const id = `logs-${m.worker}`;
  return html`<form class="filters log-filters" role="search" hx-get=${`/workers/${m.worker}/logs`} hx-target=${`#${id}`} hx-select=${`#${id}`} hx-swap="outerMorph" hx-trigger="input delay:250ms, submit">
    <input type="search" name="q" value=${m.filter.q} placeholder=${x.t('workers.log-search')} aria-label=${x.t('workers.log-search')}>
    <select name="level" aria-label=${x.t('workers.log-level')}><option value="">${x.t('workers.log-any-level')}</option>${LEVELS.map((l, i) => html`<option value=${LEVELS.slice(i).join(',')} ?selected=${m.filter.level === LEVELS.slice(i).join(',')}>${i === LEVELS.length - 1 ? l : `${l} +`}</option>`)}</select>
    <select name="category" aria-label=${x.t('workers.log-category')}><option value="">${x.t('workers.log-any-category')}</option>${m.categories.map((c) => html`<option value=${c} ?selected=${c === m.filter.category}>${c}</option>`)}</select></form>
  ${region(at, id, ['log', `log/${m.worker}`], html`<div class="log-head"><span class="muted small">${x.t('workers.log-shown', { n: m.lines.length })}</span><span class="grow"></span><a class="button plain" href=${`/api/v1/workers/${m.worker}/logs?${file.toString()}`} download="">${x.t('workers.log-download')}</a></div>
    <pre class="log" tabindex="0" data-follow="">${
      m.lines.length === 0
        ? html`<span class="muted">${given.size > 0 ? x.t('filter.none') : x.t('workers.no-logs')}</span>`
        : m.lines.map((l) => html`<span class=${`log-${l.level}`} id=${`log-${l.id}`}><i>${hour(l.atMs)}</i> <b>${l.level.padEnd(5)}</b> <u>${l.category}</u> ${visible(l.message)}\n</span>`)
    }</pre>`)}`;
}

/** What its process printed, as its driver has it. */
export const outputDialog = (x: Ctx, m: { name: string; lines: string[] }): Html => dialog(x, x.t('worker.output-of', { name: m.name }), html`<pre class="log" tabindex="0" data-follow="">${m.lines.length === 0 ? html`<span class="muted">${x.t('worker.no-output')}</span>` : m.lines.map((l) => html`<span>${visible(l)}\n</span>`)}</pre>`, 'drawer');
