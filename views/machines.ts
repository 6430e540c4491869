import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { fleetTabs } from './fleet-tabs.ts';
import { ago, button, chip, dialog, field, menu, opener, region, tag } from './parts.ts';

export type AgentCard = {
  id: string;
  name: string;
  host: string;
  link: string;
  cordoned: boolean;
  system: string | null;
  version: string | null;
  /** From the last heartbeat; null when there is none. Bytes, shares of all cores. */
  usage: { cpu: number; cpus: number; memoryUsed: number; memoryTotal: number; diskUsed: number; diskTotal: number; heardMs: number } | null;
  workers: { id: string; state: string; /** Known to Troupe as a worker. */ known: boolean; memoryMb: number | null }[];
};
export type HostCard = { id: string; name: string; address: string; trust: string; pinned: string | null; offered: string | null; acceptedBy: string | null; cordoned: boolean; workers: string[] };
export type KeyCard = { id: string; comment: string; status: string; type: string | null; fingerprint: string | null; publicKey: string | null; error: string | null; createdMs: number };
export type MachinesModel = { agents: AgentCard[]; hosts: HostCard[]; keys: KeyCard[]; join: string; mayDecide: boolean };

/** Machines of agents, hosts of SSH and whether they are trusted, and the keys to them. */
export function machinesPage(x: Ctx, m: MachinesModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.machines')}</h1></div>${fleetTabs(x)}
  ${region(x, 'agents', ['machine', 'worker', 'machine-heartbeat'], html`<h2 class="group">${x.t('machines.agents')}</h2>${m.agents.length === 0 ? html`<p class="muted">${x.t('machines.no-agents')}</p>` : html`<div class="machine-grid">${m.agents.map((a) => agent(x, a))}</div>`}`)}
  <details class="fold" id="join" ?open=${m.agents.length === 0}><summary>${x.t('machines.join')}</summary><div class="card"><p>${x.t('machines.join-lead')}</p><pre class="mono command" tabindex="0">${m.join}</pre><p class="sub">${x.t('machines.join-after')}</p></div></details>
  ${region(x, 'hosts', ['machine', 'worker'], html`<h2 class="group">${x.t('machines.hosts')}</h2>${m.hosts.length === 0 ? html`<p class="muted">${x.t('machines.no-hosts')}</p>` : html`<ul class="hosts">${m.hosts.map((h) => host(x, h, m.mayDecide))}</ul>`}`)}
  ${region(x, 'keys', ['key'], html`<h2 class="group">${x.t('machines.keys')}<span class="grow"></span>${opener('/machines/keys/new', x.t('machines.key-new'), 'plain', m.mayDecide ? null : x.t('machines.admin-only'))}</h2>${m.keys.length === 0 ? html`<p class="muted">${x.t('machines.no-keys')}</p>` : html`<ul class="hosts">${m.keys.map((k) => key(x, k, m.mayDecide))}</ul>`}`)}`;
}

function agent(x: Ctx, a: AgentCard): Html {
  return html`<article class="card machine" id=${`machine-${a.id}`} data-row=""><header class="row"><b>${a.name}</b><code class="muted">${a.id === a.name ? a.host : a.id}</code>${tag(x, a.link)}${a.cordoned ? chip(x.t('machines.cordoned'), 'warn') : null}<span class="grow"></span>${menu(x, `menu-${a.id}`, [
    cordon(x, a),
    opener(`/machines/${a.id}/rename`, x.t('machines.rename')),
    button({ url: `/machines/${a.id}/remove`, label: x.t('remove'), tone: 'danger', why: a.link === 'connected' ? x.t('machines.still-there') : null, confirm: x.t('machines.remove-sure', { name: a.name }) }),
  ])}</header>
  ${a.usage ? html`<div class="meters">${meter('CPU', a.usage.cpu, 1, `${Math.round(a.usage.cpu * 100)}% · ${x.t('machines.cores', { n: a.usage.cpus })}`)}${meter(x.t('worker.memory'), a.usage.memoryUsed, a.usage.memoryTotal, `${gb(a.usage.memoryUsed)} / ${gb(a.usage.memoryTotal)} GB`)}${meter(x.t('machines.disk'), a.usage.diskUsed, a.usage.diskTotal, `${gb(a.usage.diskUsed)} / ${gb(a.usage.diskTotal)} GB`)}</div>` : html`<p class="muted">${x.t('machines.silent')}</p>`}
  ${a.workers.length === 0 ? html`<p class="muted">${x.t('machines.no-workers')}</p>` : html`<ul class="machine-workers">${a.workers.map((w) => html`<li>${w.known ? html`<a href=${`/workers/${w.id}`}><code>${w.id}</code></a>` : html`<code>${w.id}</code>`}${tag(x, w.state)}${w.memoryMb === null ? null : html`<span class="sub">${w.memoryMb} MB</span>`}</li>`)}</ul>`}
  <p class="sub">${a.system ?? '—'}${a.version ? ` · Troupe ${a.version}` : null}</p></article>`;
}

const cordon = (x: Ctx, m: { id: string; cordoned: boolean }): Value => (m.cordoned ? button({ url: `/machines/${m.id}/uncordon`, label: x.t('machines.uncordon') }) : button({ url: `/machines/${m.id}/cordon`, label: x.t('machines.cordon'), confirm: x.t('machines.cordon-sure') }));

const gb = (bytes: number): string => (bytes / 2 ** 30).toFixed(bytes >= 10 * 2 ** 30 ? 0 : 1);
const meter = (label: string, n: number, max: number, text: string): Html => html`<div class="meter"><span>${label}</span><b>${text}</b><progress class=${n > 0.9 * max ? 'full' : null} max="1000" value=${Math.round((1000 * n) / Math.max(max, 0.001))} aria-label=${label}></progress></div>`;

function host(x: Ctx, h: HostCard, mayDecide: boolean): Html {
  const accept = (fingerprint: string, sure: string): Value => button({ url: `/machines/${h.id}/accept`, label: x.t('machines.accept'), tone: h.trust === 'changed' ? 'danger' : 'main', vals: { fingerprint }, confirm: sure, why: mayDecide ? null : x.t('machines.admin-only') });
  return html`<li class=${`card host ${h.trust}`} id=${`machine-${h.id}`} data-row=""><div class="row"><b>${h.name}</b><code class="muted">${h.address}</code>${tag(x, h.trust, 'trust')}${h.cordoned ? chip(x.t('machines.cordoned'), 'warn') : null}<span class="grow"></span>${menu(x, `menu-${h.id}`, [
    cordon(x, h),
    button({ url: `/machines/${h.id}/forget-key`, label: x.t('machines.forget'), why: !mayDecide ? x.t('machines.admin-only') : h.pinned || h.offered ? null : x.t('machines.no-key-yet'), confirm: x.t('machines.forget-sure') }),
    button({ url: `/machines/${h.id}/remove`, label: x.t('remove'), tone: 'danger', why: h.workers.length > 0 ? x.t('machines.in-use') : null, confirm: x.t('machines.remove-sure', { name: h.name }) }),
  ])}</div>
  ${h.trust === 'changed' ? html`<div class="banner bad" role="alert"><b>${x.t('machines.changed')}</b><span>${x.t('machines.changed-next')}</span></div>` : null}
  <dl class="facts">${h.pinned ? html`<dt>${x.t(h.trust === 'changed' ? 'machines.was' : 'machines.fingerprint')}</dt><dd><code class="print">${h.pinned}</code>${h.acceptedBy ? html` <span class="sub">${x.t('machines.accepted-by', { who: h.acceptedBy.replace(/^user:/, '') })}</span>` : null}</dd>` : null}${h.offered ? html`<dt>${x.t(h.trust === 'changed' ? 'machines.is-now' : 'machines.shown')}</dt><dd><code class="print">${h.offered}</code></dd>` : null}${h.workers.length > 0 ? html`<dt>${x.t('nav.workers')}</dt><dd>${h.workers.map((w, i) => html`${i > 0 ? ', ' : null}<a href=${`/workers/${w}`}>${w}</a>`)}</dd>` : null}</dl>
  ${h.trust === 'offered' ? html`<p class="note-text">${x.t('machines.compare')}</p><p class="mono command">ssh-keyscan ${h.address.replace(/:\d+$/, '')} | ssh-keygen -lf -</p>` : null}
  ${h.offered && (h.trust === 'offered' || h.trust === 'changed') ? html`<footer>${accept(h.offered, x.t(h.trust === 'changed' ? 'machines.accept-changed' : 'machines.accept-sure', { fingerprint: h.offered }))}</footer>` : null}</li>`;
}

function key(x: Ctx, k: KeyCard, mayDecide: boolean): Html {
  return html`<li class="card" id=${`key-${k.id}`}><div class="row"><b>${k.comment || k.id}</b>${tag(x, k.status, 'key')}${k.type ? chip(k.type) : null}<span class="sub">${ago(x, k.createdMs)}</span><span class="grow"></span>${button({ url: `/machines/keys/${k.id}/remove`, label: x.t('remove'), tone: 'danger', why: mayDecide ? null : x.t('machines.admin-only'), confirm: x.t('machines.key-remove-sure', { name: k.comment || k.id }) })}</div>
  ${k.error ? html`<p class="bad-text">${k.error}</p>` : null}${k.fingerprint ? html`<dl class="facts"><dt>${x.t('machines.fingerprint')}</dt><dd><code class="print">${k.fingerprint}</code></dd><dt>${x.t('machines.public')}</dt><dd><code class="token print">${k.publicKey}</code></dd></dl>` : null}</li>`;
}

export const keyDialog = (x: Ctx): Html => dialog(x, x.t('machines.key-new'), html`<form hx-post="/machines/keys" hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <div class="stack">${field({ name: 'comment', label: x.t('machines.key-name'), placeholder: 'deploy' })}
  <label class="field"><span>${x.t('machines.key-private')}</span><textarea name="private_key" rows="8" class="mono" spellcheck="false" required autocomplete="off" placeholder="-----BEGIN OPENSSH PRIVATE KEY-----">${''}</textarea><small>${x.t('machines.key-hint')}</small></label>
  ${field({ name: 'passphrase', label: x.t('machines.passphrase'), type: 'password', hint: x.t('machines.passphrase-hint'), autocomplete: 'new-password' })}</div>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');

export const renameDialog = (x: Ctx, m: { id: string; name: string }): Html => dialog(x, x.t('machines.rename'), html`<form hx-post=${`/machines/${m.id}/rename`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  ${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);

