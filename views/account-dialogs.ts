import type { Choices } from './accounts.ts';
import { proxyChoice } from './accounts.ts';
import type { Ctx } from './context.ts';
import { html, type Html } from './html.ts';
import { check, chip, dialog } from './parts.ts';

export type ProxyDialogModel = { account: string; name: string; loggedIn: boolean; current: string | null; own: string | null; proxies: Choices['proxies']; /** A healthy one that is not the present one. */ other: { id: string; name: string } | null };

const foot = (x: Ctx, label: string, tone: 'main' | 'danger' = 'main'): Html => html`<footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class=${`button ${tone}`}>${label}</button></footer>`;

/** Another way out. A session that is logged in needs a second word: its platform sees another address. */
export function proxyDialog(x: Ctx, m: ProxyDialogModel): Html {
  return dialog(x, x.t('account.proxy-title', { name: m.name }), html`<form hx-post=${`/accounts/${m.account}/proxy`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    ${proxyChoice(x, m.proxies, m.other?.id ?? m.current ?? '')}
    ${m.own ? html`<p class="sub">${x.t('account.proxy-own-note', { server: m.own })}</p>` : null}
    ${m.other ? html`<p class="sub">${x.t('account.proxy-other', { name: m.other.name })}</p>` : m.proxies.length === 0 ? html`<p class="sub">${x.t('account.proxy-no-other')} <a href="/proxies">${x.t('nav.proxies')}</a></p>` : null}
    ${m.loggedIn ? html`<p class="note-text">${x.t('account.proxy-warn')}</p>${check('confirm', x.t('account.proxy-confirm'), false)}` : null}
    ${foot(x, x.t('save'))}</form>`);
}

export const fingerprintDialog = (x: Ctx, m: { account: string; name: string; loggedIn: boolean }): Html => dialog(x, x.t('account.fingerprint-title', { name: m.name }), html`<form hx-post=${`/accounts/${m.account}/fingerprint`} hx-swap="none" hx-disable="find button.danger" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <p class="note-text">${x.t(m.loggedIn ? 'account.fingerprint-warn-in' : 'account.fingerprint-warn')}</p>${check('confirm', x.t('account.fingerprint-confirm'), false)}${foot(x, x.t('account.fingerprint-remake'), 'danger')}</form>`);

export type ImportLine = { line: number; what: string; name: string; id: string | null; fields: string[]; errors: { field: string | null; message: string }[]; error: string | null };
export type AccountImport = { text: string; format: 'csv' | 'json'; fault: string | null; rows: ImportLine[] | null; done: boolean };

const TONE: Record<string, 'note' | 'warn' | 'plain'> = { create: 'note', update: 'note', bad: 'warn' };

/** A file of accounts: first what it would do, row by row, then the deed. */
export function accountImportDialog(x: Ctx, m: AccountImport): Html {
  const bad = m.rows?.filter((r) => r.what === 'bad').length ?? 0;
  const work = m.rows?.filter((r) => r.what === 'create' || r.what === 'update').length ?? 0;
  return dialog(x, x.t('account.import'), html`<form hx-post="/accounts/import" hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button"><p class="form-error" role="alert" ?hidden=${m.fault === null}>${m.fault ?? ''}</p>
    ${m.rows === null ? html`<p class="muted">${x.t('account.import-lead')} <code>platform,name,account_id,group,tags,proxy</code></p>` : result(x, m, bad)}
    ${m.done ? null : html`<div class="stack"><label class="field"><span>${x.t('import.file')}</span><input type="file" accept=".csv,.json" data-into="file"></label>
      <label class="field"><span>${x.t('account.import-format')}</span><select name="format"><option value="csv" ?selected=${m.format === 'csv'}>CSV</option><option value="json" ?selected=${m.format === 'json'}>JSON</option></select></label>
      <label class="field"><span>${x.t('import.text')}</span><textarea name="file" id="f-file" rows="8" spellcheck="false" class="mono" required placeholder="platform,name,group">${m.text}</textarea></label>${bad > 0 && work > 0 ? check('skip', x.t('account.import-skip', { n: bad }), false) : null}</div>`}
    <footer><button type="button" class="button plain" data-close="">${m.done ? x.t('close') : x.t('cancel')}</button>${m.done ? null : html`<button class=${work > 0 ? 'button' : 'button main'} name="do" value="look">${x.t('import.look')}</button>${work > 0 ? html`<button class="button main" name="do" value="go">${x.t('import.go', { n: work })}</button>` : null}`}</footer></form>`, 'wide-dialog');
}

function result(x: Ctx, m: AccountImport, bad: number): Html {
  const rows = m.rows!;
  if (rows.length === 0) return html`<p class="muted">${x.t('import.empty')}</p>`;
  return html`${bad > 0 && !m.done ? html`<p class="note-text">${x.t('account.import-bad', { n: bad })}</p>` : null}<ul class="batch-list import-list">${rows.map((r) => html`<li><span class="sub">${m.format === 'csv' ? x.t('account.import-line', { n: r.line }) : `#${r.line}`}</span><b>${r.name || '—'}</b>${r.error ? chip(x.t('progress.failed'), 'warn') : chip(x.word('import', r.what === 'bad' ? 'invalid' : r.what === 'same' ? 'unchanged' : r.what), TONE[r.what] ?? 'plain')}${r.errors.map((e) => html`<span class="sub bad-text">${e.field ? html`<code>${e.field}</code> · ${e.message}` : e.message}</span>`)}${r.error ? html`<span class="sub bad-text">${r.error}</span>` : null}${r.fields.length > 0 ? html`<span class="sub">${r.fields.join(', ')}</span>` : null}</li>`)}</ul>`;
}
