import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { tabs } from './notification-rules.ts';
import { ago, button, chip, empty, region, tag } from './parts.ts';

export type NotificationLine = { id: number; key: string; type: string; accountName: string | null; title: string; content: string; priority: string; read: boolean; createdMs: number; href: string | null };
export type NotificationsModel = { type: string; unread: number; items: NotificationLine[]; older: string | null };

export function notificationsPage(x: Ctx, m: NotificationsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.notifications')}</h1><div class="toolbar"><button type="button" class="button" data-desktop="" data-on=${x.t('notices.desktop-on')} data-off=${x.t('notices.desktop-off')} data-never=${x.t('notices.desktop-never')}>${x.t('notices.desktop-off')}</button></div></div>${tabs(x, 'list')}${region(x, 'notifications', ['notification'], html`
    <div class="row"><nav class="tabs" aria-label=${x.t('inbox.type')}><a href="/notifications" aria-current=${m.type ? null : 'page'}>${x.t('filter.all')}</a>${['comment', 'direct_message', 'account_status', 'system'].map((t) => html`<a href=${`/notifications?type=${t}`} aria-current=${m.type === t ? 'page' : null}>${x.word('type', t)}</a>`)}</nav><span class="grow"></span>${button({ url: '/notifications/read', label: x.t('notifications.read-all'), why: m.unread === 0 && x.t('notifications.all-read') })}</div>
    ${m.items.length === 0 ? empty(x.t('notifications.none'), x.t('notifications.none-next')) : html`<ol class="lines plain-lines">${m.items.map((n) => html`<li id=${`n-${n.id}`}><a class=${`line ${n.read ? '' : 'unread'}`} href=${n.href ?? '#'} data-row="" data-open=""><span class="line-top"><b>${n.title}</b>${n.read ? null : html`<i class="new" title=${x.t('inbox.unread')}></i>`}<span class="grow"></span>${ago(x, n.createdMs)}</span><span class="line-text">${n.content}</span><span class="line-end">${tag(x, n.type, 'type')}${n.accountName ? chip(n.accountName) : null}${n.priority === 'high' || n.priority === 'urgent' ? tag(x, n.priority, 'priority') : null}</span></a></li>`)}</ol>`}
    ${m.older ? html`<nav class="pager"><a class="button plain" href=${m.older}>${x.t('inbox.older')}</a></nav>` : null}`)}`;
}
