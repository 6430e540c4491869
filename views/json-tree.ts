import { html, type Html } from './html.ts';

/** JSON to fold and unfold, without script. Long texts are cut, long lists end with a count. */
export function jsonTree(id: string, value: unknown, depth = 0): Html {
  if (value === null || typeof value !== 'object') return html`<span class=${`json-${value === null ? 'null' : typeof value}`}>${scalar(value)}</span>`;
  const entries = Object.entries(value);
  if (entries.length === 0) return html`<span class="json-null">${Array.isArray(value) ? '[]' : '{}'}</span>`;
  if (depth > 12) return html`<span class="json-null">…</span>`;
  const shown = entries.slice(0, 200);
  const list = html`<dl class="json">${shown.map(([k, v]) => html`<div><dt>${k}</dt><dd>${jsonTree(`${id}.${k}`, v, depth + 1)}</dd></div>`)}${entries.length > shown.length ? html`<div><dt>…</dt><dd>${entries.length - shown.length}</dd></div>` : null}</dl>`;
  if (depth === 0) return list;
  return html`<details id=${id} ?open=${entries.length <= 6}><summary>${Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}</summary>${list}</details>`;
}

const scalar = (value: unknown): string => {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
};
