import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { chart, type ChartNode } from './chart.ts';
import { jsonTree } from './json-tree.ts';
import { ago, chip, clock, countdown, hour, opener, region, tag, who } from './parts.ts';
import { reason } from './reason.ts';
import { duration, lasted, taskButton, taskState, type TaskCard } from './tasks.ts';
import { visible } from './visible.ts';
import { workTabs } from './work-tabs.ts';

export type TaskStep = { tool: string; args: unknown; note: string | null };
export type TaskModel = {
  card: TaskCard;
  description: string;
  url: string | null;
  command: string | null;
  steps: TaskStep[];
  requirements: Record<string, unknown>;
  timeoutMs: number;
  by: string;
  template: string | null;
  schedule: string | null;
  replayOf: string | null;
  after: { id: string; title: string; status: string }[];
  /** Undefined while there is none. */
  result: unknown;
  /** A result too large for the page. */
  resultUrl: string | null;
  artefacts: { name: string; type: string; bytes: number; url: string }[];
  attempts: { attempt: number; worker: string | null; startedMs: number; endedMs: number | null; outcome: string | null; error: string | null }[];
  logs: { id: number; atMs: number; level: string; text: string; step: number | null; attempt: number }[];
  logTotal: number;
  timers: { dueMs: number; event: string }[];
  chart: ChartNode | null;
  active: string[];
  mayAct: boolean;
};

/** One task: what it is to do, how far it is, what came of it, how it went. */
export function taskPage(x: Ctx, m: TaskModel): Html {
  const t = m.card;
  const topics = [`task/${t.id}`];
  return html`<div class="page-head"><h1><span class="muted">#${t.seq}</span> ${t.title}</h1>
    ${region(x, 'task-actions', topics, html`<div class="toolbar"><a class="button plain" href=${`/actors/task/${t.id}`}>${x.t('actors.look')}</a>${m.mayAct ? html`${opener(`/task-templates/from/${t.id}`, x.t('task.save-template'))}${taskButton(x, t)}` : null}</div>`)}</div>
  ${workTabs(x)}
  ${region(x, 'task-state', topics, html`<div class="card worker-state"><div>${taskState(x, t)}${m.timers.map((tm) => html`<div class="sub">◷ ${tm.event} ${countdown(x, tm.dueMs)}</div>`)}</div>${facts(x, m)}</div>`)}
  <div class="columns even">
    <div>${region(x, 'task-result', topics, result(x, m))}${region(x, 'task-attempts', topics, attempts(x, m))}</div>
    <div><h2 class="group">${x.t('task.does')}</h2>${work(x, m)}</div>
  </div>
  <h2 class="group">${x.t('task.log')}<span class="grow"></span><a class="button plain" href=${`/api/v1/tasks/${t.id}/logs?format=text`} download=${`task-${t.seq}.log`}>${x.t('workers.log-download')}</a></h2>
  ${region(x, 'task-log', [...topics, `tasklog/${t.id}`], log(x, m))}
  ${m.chart ? region(x, 'task-chart', topics, html`<details class="fold" id="task-statechart"><summary>${x.t('worker.chart')}</summary>${chart(m.chart, { active: m.active, allowed: [] })}</details>`) : null}`;
}

function facts(x: Ctx, m: TaskModel): Html {
  const t = m.card;
  const rows: [string, Value][] = [
    [x.t('task.type'), html`${x.word('task-type', t.type)} · ${x.t('task.priority-n', { n: t.priority })} · <a href=${`/tasks?group=${t.group}`}>${t.group}</a>`],
    [x.t('task.where'), t.worker ? html`<a href=${`/workers/${t.worker}`}><code>${t.worker}</code></a>${t.agent ? html` · <a href=${`/agents/${t.agent}`}>${t.agent}</a>` : null}` : '—'],
    [x.t('task.made'), html`${ago(x, t.createdMs)} · ${who(m.by)}${m.template ? html` · <a href=${`/task-templates/${m.template}`}>${m.template}</a>` : null}${m.schedule ? html` · <a href=${`/schedules/${m.schedule}`}>${x.t('task.by-schedule')}</a>` : null}`],
    [x.t('task.time'), html`${t.startedMs ? lasted(x, t) : '—'} <span class="muted">/ ${duration(x, m.timeoutMs)}</span>`],
  ];
  if (m.description) rows.push([x.t('workers.description'), m.description]);
  if (t.account) rows.push([x.t('task.account'), html`<a href=${`/accounts/${t.account}`}>${t.account}</a>`]);
  if (m.replayOf) rows.push([x.t('task.replay-of'), html`<a href=${`/tasks/${m.replayOf}`}>${m.replayOf}</a>`]);
  if (m.after.length > 0) rows.push([x.t('task.after'), html`<span class="chips">${m.after.map((a) => html`<a href=${`/tasks/${a.id}`}>${a.title}</a> ${tag(x, a.status, 'task')}`)}</span>`]);
  const needs = Object.entries(m.requirements).filter(([k, v]) => v !== null && v !== undefined && !['account', 'timeoutMs', 'group'].includes(k) && !(typeof v === 'object' && Object.keys(v as object).length === 0));
  if (needs.length > 0) rows.push([x.t('task.needs'), html`<span class="chips">${needs.map(([k, v]) => chip(`${k} ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`))}</span>`]);
  return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function work(x: Ctx, m: TaskModel): Html {
  if (m.command !== null) return html`<pre class="mono card">${m.command}</pre>`;
  if (!m.url && m.steps.length === 0) return html`<p class="muted">${x.t('task.does-nothing')}</p>`;
  return html`<ol class="steps">${m.url ? html`<li class="card"><b>navigate</b> <code>${m.url}</code></li>` : null}${m.steps.map((s, i) => html`<li class="card" id=${`step-${i + 1}`}><span class="muted">${i + 1}</span> <b>${s.tool}</b>${s.note ? html` <span class="sub">${s.note}</span>` : null}${s.args && Object.keys(s.args).length > 0 ? jsonTree(`args-${i}`, s.args) : null}</li>`)}</ol>`;
}

function result(x: Ctx, m: TaskModel): Html {
  const pictures = m.artefacts.filter((a) => /^image\/(png|jpeg)$/.test(a.type));
  const files = m.artefacts.filter((a) => !pictures.includes(a));
  const nothing = m.result === undefined && !m.resultUrl && m.artefacts.length === 0;
  return html`<h2 class="group">${x.t('task.result')}${nothing ? null : html`<span class="grow"></span><a class="button plain" href=${m.resultUrl ?? `/api/v1/tasks/${m.card.id}?download=result`} download=${`task-${m.card.seq}.json`}>${x.t('task.download')}</a>`}</h2>
  ${nothing ? html`<p class="muted">${x.t(m.card.status === 'completed' ? 'task.result-empty' : 'task.result-none')}</p>` : html`<div class="card result">${m.result === undefined ? (m.resultUrl ? html`<p class="muted">${x.t('task.result-large')}</p>` : null) : jsonTree('result', typeof m.result === 'object' && m.result !== null ? m.result : { result: m.result })}
  ${pictures.length > 0 ? html`<div class="pictures">${pictures.map((p) => html`<a href=${p.url} target="_blank" rel="noopener"><img src=${p.url} alt=${p.name} loading="lazy"></a>`)}</div>` : null}
  ${files.length > 0 ? html`<ul class="pending">${files.map((a) => html`<li><a href=${a.url} download=${a.name}>${a.name}</a><span class="grow"></span><span class="sub">${size(a.bytes)}</span></li>`)}</ul>` : null}</div>`}`;
}

export const size = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : bytes < 1_048_576 ? `${(bytes / 1024).toFixed(1)} KB` : bytes < 1_073_741_824 ? `${(bytes / 1_048_576).toFixed(1)} MB` : `${(bytes / 1_073_741_824).toFixed(2)} GB`);

function attempts(x: Ctx, m: TaskModel): Html {
  return html`<h2 class="group">${x.t('task.attempts')} ${m.attempts.length > 1 ? html`<b class="badge">${m.attempts.length}</b>` : null}</h2>${
    m.attempts.length === 0 ? html`<p class="muted">${x.t('task.attempts-none')}</p>` : html`<ol class="pending">${m.attempts.map((a) => html`<li id=${`attempt-${a.attempt}`}><b>${a.attempt}</b>${a.worker ? html`<a href=${`/workers/${a.worker}`}><code>${a.worker}</code></a>` : null}${a.outcome ? tag(x, a.outcome, 'task') : null}<span class="grow">${a.error ? html`<span class="sub bad-text">${reason(x, a.error)}</span>` : null}</span><span class="sub" title=${clock(x, a.startedMs)}>${a.endedMs ? duration(x, a.endedMs - a.startedMs) : ago(x, a.startedMs)}</span></li>`)}</ol>`
  }`;
}

const LEVEL: Record<string, string> = { out: 'info', err: 'warn' };

const log = (x: Ctx, m: TaskModel): Html =>
  html`<p class="muted small">${x.t('task.log-shown', { n: m.logs.length, all: m.logTotal })}</p><div class="page-log"><pre class="log" tabindex="0" data-follow="">${
    m.logs.length === 0 ? html`<span class="muted">${x.t('task.log-none')}</span>` : m.logs.map((l) => html`<span class=${`log-${LEVEL[l.level] ?? l.level}`} id=${`line-${l.id}`}><i>${hour(l.atMs)}</i> ${l.step ? html`<u>${`${l.step}:`}</u>` : null}${l.step ? ' ' : null}${visible(l.text)}\n</span>`)
  }</pre></div>`;
