import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, chip, empty, region, stat } from './parts.ts';
import { size } from './task.ts';
import { brief } from './tasks.ts';
import { workTabs } from './work-tabs.ts';

export type StreamLine = { name: string; about: string; messages: number; bytes: number; firstSeq: number; lastSeq: number; lastMs: number | null; maxBytes: number | null; maxAgeMs: number | null; storage: string; replicas: number; consumers: ConsumerLine[] };
export type ConsumerLine = { name: string; pending: number; ackPending: number; redelivered: number; waiting: number; pinned: boolean; lastMs: number | null };
export type StreamsModel = { streams: StreamLine[]; buckets: { name: string; kind: string; values: number; bytes: number }[]; error: string | null };

/** What the journal's server holds, and who reads how far. */
export function streamsPage(x: Ctx, m: StreamsModel): Html {
  const bytes = m.streams.reduce((n, s) => n + s.bytes, 0) + m.buckets.reduce((n, b) => n + b.bytes, 0);
  return html`<div class="page-head"><h1>${x.t('nav.streams')}</h1><div class="toolbar"><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button></div></div>${workTabs(x)}
  ${region(x, 'streams', ['heartbeat'], m.error ? empty(x.t('stream.unreadable'), m.error) : html`<div class="stats">${stat(x.t('stream.streams'), m.streams.length)}${stat(x.t('stream.messages'), new Intl.NumberFormat(x.lang).format(m.streams.reduce((n, s) => n + s.messages, 0)))}${stat(x.t('stream.bytes'), size(bytes))}${stat(x.t('stream.behind'), m.streams.flatMap((s) => s.consumers).reduce((n, c) => n + c.pending, 0))}</div>
  <div class="table-box"><table class="cards"><thead><tr><th>${x.t('stream.stream')}</th><th class="end">${x.t('stream.messages')}</th><th class="end">${x.t('stream.bytes')}</th><th>${x.t('stream.last')}</th><th>${x.t('stream.consumers')}</th></tr></thead><tbody>${m.streams.map((s) => row(x, s))}</tbody></table></div>
  ${m.buckets.length > 0 ? html`<h2 class="group">${x.t('stream.buckets')}</h2><div class="table-box"><table class="cards"><thead><tr><th>${x.t('stream.bucket')}</th><th>${x.t('task.type')}</th><th class="end">${x.t('stream.values')}</th><th class="end">${x.t('stream.bytes')}</th></tr></thead><tbody>${m.buckets.map((b) => html`<tr id=${`bucket-${b.name}`}><td data-label=${x.t('stream.bucket')}><code>${b.name}</code></td><td data-label=${x.t('task.type')}>${b.kind}</td><td class="end" data-label=${x.t('stream.values')}>${b.values}</td><td class="end nowrap" data-label=${x.t('stream.bytes')}>${size(b.bytes)}</td></tr>`)}</tbody></table></div>` : null}`)}`;
}

function row(x: Ctx, s: StreamLine): Html {
  const limits = [s.maxAgeMs ? brief(x, s.maxAgeMs) : null, s.maxBytes ? size(s.maxBytes) : null].filter(Boolean).join(' · ');
  return html`<tr id=${`stream-${s.name}`} data-row=""><td data-label=${x.t('stream.stream')}><code>${s.name}</code><div class="sub">${s.about}</div><div class="chips">${chip(s.storage)}${s.replicas > 1 ? chip(`R${s.replicas}`) : null}${limits ? chip(limits) : null}</div></td>
  <td class="end" data-label=${x.t('stream.messages')}>${new Intl.NumberFormat(x.lang).format(s.messages)}<div class="sub nowrap">${s.firstSeq} … ${s.lastSeq}</div></td>
  <td class="end nowrap" data-label=${x.t('stream.bytes')}>${size(s.bytes)}${s.maxBytes ? html`<div><progress class=${s.bytes > s.maxBytes * 0.9 ? 'full' : null} max="100" value=${Math.min(100, Math.round((100 * s.bytes) / s.maxBytes))} aria-label=${x.t('stream.bytes')}></progress></div>` : null}</td>
  <td data-label=${x.t('stream.last')}>${ago(x, s.lastMs)}</td>
  <td data-label=${x.t('stream.consumers')}>${s.consumers.length === 0 ? html`<span class="muted">—</span>` : html`<details class="fold" id=${`consumers-${s.name}`}><summary>${s.consumers.length}${s.consumers.some((c) => c.pending > 1000) ? html` ${chip(x.t('stream.lags'), 'warn')}` : null}</summary><table class="lanes"><thead><tr><th>${x.t('stream.consumer')}</th><th class="end">${x.t('stream.pending')}</th><th class="end">${x.t('stream.unacked')}</th><th class="end">${x.t('stream.redelivered')}</th></tr></thead><tbody>${s.consumers.map((c) => html`<tr><td><code>${c.name}</code></td><td class="end">${c.pending}</td><td class="end">${c.ackPending}</td><td class="end">${c.redelivered}</td></tr>`)}</tbody></table></details>`}</td></tr>`;
}
