import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { dialog, hour, region } from './parts.ts';

export type WorkerLogs = { worker: string; name: string; lines: { id: number; atMs: number; level: string; category: string; message: string }[] };

/** The last 200 lines, live, in a drawer. */
export function workerLogs(x: Ctx, m: WorkerLogs): Html {
  const at = { ...x, url: `/workers/${m.worker}/logs` };
  return dialog(x, x.t('workers.logs-of', { name: m.name }), region(at, `logs-${m.worker}`, ['log', `log/${m.worker}`], html`<pre class="log" tabindex="0" data-follow="">${
    m.lines.length === 0
      ? html`<span class="muted">${x.t('workers.no-logs')}</span>`
      : m.lines.map((l) => html`<span class=${`log-${l.level}`} id=${`log-${l.id}`}><i>${hour(l.atMs)}</i> <b>${l.level.padEnd(5)}</b> <u>${l.category}</u> ${visible(l.message)}\n</span>`)
  }</pre>`), 'drawer');
}

/** Control characters as their escapes, so that a log line can't draw. */
const visible = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
