import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { jsonTree } from './json-tree.ts';

export type ApiOperation = { method: string; path: string; summary: string; tag: string; scope: string; canonical: string | null; parameters: { name: string; in: string; required: boolean; about: string }[]; body: unknown; answers: { status: string; about: string }[] };
export type ApiModel = { title: string; version: string; /** Where this page was opened, for the example. */ origin: string; groups: { tag: string; operations: ApiOperation[] }[] };

/** The OpenAPI document as a page to read. */
export function apiDocs(x: Ctx, m: ApiModel): Html {
  return html`<div class="page-head"><h1>${m.title} <small class="muted">${m.version}</small></h1><a class="button plain" href="/openapi.json">openapi.json</a></div>
  <div class="card"><p>${x.t('api.lead')}</p><pre class="mono" tabindex="0">curl -H "Authorization: Bearer $TOKEN" ${`${m.origin}/api/v1/accounts`}</pre><p class="sub"><a href="/settings">${x.t('settings.tokens')}</a></p></div>
  ${m.groups.map((g) => html`<h2 class="group">${g.tag}</h2>${g.operations.map((o) => operation(x, o))}`)}`;
}

const operation = (x: Ctx, o: ApiOperation): Html => html`<details class="operation" id=${`${o.method}-${o.path}`}><summary><b class=${`method ${o.method}`}>${o.method.toUpperCase()}</b> <code>${o.path}</code> <span class="sub">${o.summary}</span></summary>
    <div class="operation-body"><p class="sub">${x.t('api.scope', { scope: o.scope })}${o.canonical ? ` · ${x.t('api.same-as', { path: o.canonical })}` : null}</p>
    ${o.parameters.length > 0 ? html`<table><tbody>${o.parameters.map((p) => html`<tr><td><code>${p.name}</code>${p.required ? ' *' : null}</td><td>${p.in}</td><td>${p.about}</td></tr>`)}</tbody></table>` : null}
    ${o.body ? html`<h3>${x.t('api.body')}</h3>${jsonTree(`${o.method}-${o.path}-body`, o.body)}` : null}
    <table><tbody>${o.answers.map((a) => html`<tr><td><code>${a.status}</code></td><td>${a.about}</td></tr>`)}</tbody></table></div></details>`;
