import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, empty, opener, region, stat, tag, who } from './parts.ts';
import type { InboxLine } from './inbox.ts';
import { reason } from './reason.ts';

/** One thing that waits for a person. */
export type Todo = { id: string; kind: 'login' | 'challenge' | 'reply' | 'account' | 'worker' | 'parked'; title: string; text: string | null; href: string; open?: string; act?: { url: string; label: string; dialog: boolean } };
export type Activity = { actor: string; href: string; event: string; state: string; by: string | null; atMs: number };

export type OverviewModel = {
  totals: { accounts: number; loggedIn: number; monitoring: number; workers: number; running: number; unreadComments: number; unreadMessages: number; repliesToday: number };
  todo: Todo[];
  latest: InboxLine[];
  activity: Activity[];
};

export function overviewPage(x: Ctx, m: OverviewModel): Html {
  const t = m.totals;
  return html`<div class="page-head"><h1>${x.t('nav.overview')}</h1></div>${region(x, 'overview', ['account', 'worker', 'reply', 'inbox', 'login', 'actor'], html`
    <div class="stats">${stat(x.t('overview.accounts'), html`${t.loggedIn}<small> / ${t.accounts}</small>`, t.loggedIn === t.accounts ? 'good' : 'warn', '/accounts')}${stat(x.t('overview.monitoring'), t.monitoring, t.monitoring > 0 ? 'good' : 'plain', '/accounts')}${stat(x.t('overview.workers'), html`${t.running}<small> / ${t.workers}</small>`, t.running > 0 ? 'good' : 'warn', '/workers')}${stat(x.t('overview.comments'), t.unreadComments, t.unreadComments > 0 ? 'note' : 'plain', '/inbox?type=comment&unread=1')}${stat(x.t('overview.messages'), t.unreadMessages, t.unreadMessages > 0 ? 'note' : 'plain', '/inbox?type=message&unread=1')}${stat(x.t('overview.posted'), t.repliesToday, 'plain', '/replies')}</div>
    <div class="columns">
      <div><h2 class="group">${x.t('overview.todo')} ${m.todo.length > 0 ? html`<b class="badge">${m.todo.length}</b>` : null}</h2>${m.todo.length === 0 ? allWell(x, m) : html`<ul class="todo">${m.todo.map((d) => todo(x, d))}</ul>`}
        <h2 class="group">${x.t('overview.latest')}</h2>${m.latest.length === 0 ? html`<p class="muted">${x.t('overview.latest-none')}</p>` : html`<ol class="lines plain-lines">${m.latest.map((i) => html`<li id=${`latest-${i.item}`}><a class=${`line ${i.read ? '' : 'unread'}`} href=${`/inbox?item=${i.item}`} data-row="" data-open=""><span class="line-top"><b>${i.author}</b>${i.read ? null : html`<i class="new"></i>`}<span class="grow"></span>${ago(x, i.postedMs || i.detectedMs)}</span><span class="line-text">${i.content}</span><span class="line-end">${chip(x.word('type', i.type), 'note')}${chip(i.accountName)}</span></a></li>`)}</ol>`}</div>
      <div><h2 class="group">${x.t('overview.activity')}</h2>${m.activity.length === 0 ? html`<p class="muted">${x.t('overview.activity-none')}</p>` : html`<ol class="activity">${m.activity.map((a) => html`<li><a href=${a.href}><code>${a.actor}</code></a> <span>${a.event}</span><div class="sub">${lastStates(a.state)}${a.by ? ` · ${who(a.by)}` : null} · ${ago(x, a.atMs)}</div></li>`)}</ol>`}</div>
    </div>`)}`;
}

const lastStates = (state: string): string => state.split(',').map((s) => s.split('.').slice(-2).join('.')).join(', ');

const todo = (x: Ctx, d: Todo): Html => html`<li class="card" id=${`todo-${d.kind}-${d.id}`}>${tag(x, d.kind, 'todo')}<div class="grow"><a href=${d.href}><b>${d.title}</b></a>${d.text ? html`<div class="sub">${reason(x, d.text)}</div>` : null}</div>${d.act ? (d.act.dialog && d.open ? opener(d.open, d.act.label, 'main') : button({ url: d.act.url, label: d.act.label, tone: 'main', ...(d.act.dialog ? { target: '#dialog' } : {}) })) : html`<a class="button main" href=${d.href}>${x.t('overview.decide')}</a>`}</li>`;

function allWell(x: Ctx, m: OverviewModel): Value {
  if (m.totals.workers === 0) return empty(x.t('overview.start'), x.t('workers.none-next'), html`<a class="button main" href="/workers">${x.t('nav.workers')}</a>`);
  if (m.totals.accounts === 0) return empty(x.t('overview.start'), x.t('accounts.none-next'), html`<a class="button main" href="/accounts">${x.t('nav.accounts')}</a>`);
  return html`<p class="well">✓ ${x.t('overview.well')}</p>`;
}
