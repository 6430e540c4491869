import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { texts, type Banner, type Ctx, type Lang, type Theme } from '../../views/context.ts';
import { html, render, renderDocument, type Html, type Value } from '../../views/html.ts';
import { layout } from '../../views/layout.ts';
import { en } from '../../views/texts/en.ts';
import { zhCN, type TextKey } from '../../views/texts/zh-CN.ts';
import { openAlerts } from '../read-model/queries/alerts.ts';
import { countUnread } from '../read-model/queries/inbox.ts';
import { countNotifications } from '../read-model/queries/notifications.ts';
import { countReplies } from '../read-model/queries/replies.ts';
import type { Call } from './call.ts';
import type { Deps } from './ports.ts';
import { trigger } from './trigger.ts';

const TABLES: Record<Lang, Record<string, string>> = { 'zh-CN': zhCN, en };

/** By cookie, then by Accept-Language, else Chinese. */
function languageOf(c: Context): Lang {
  const cookie = getCookie(c, 'troupe_lang');
  if (cookie === 'en' || cookie === 'zh-CN') return cookie;
  for (const part of (c.req.header('accept-language') ?? '').split(',')) {
    const tag = part.trim().slice(0, 2).toLowerCase();
    if (tag === 'zh') return 'zh-CN';
    if (tag === 'en') return 'en';
  }
  return 'zh-CN';
}

/** What a page needs that nobody is signed in to. */
export function plainContext(c: Context, d: Deps): Ctx {
  const lang = languageOf(c);
  const theme = getCookie(c, 'troupe_theme');
  const url = new URL(c.req.url);
  return {
    ...texts(TABLES[lang]),
    lang,
    theme: theme === 'light' || theme === 'dark' ? (theme as Theme) : 'auto',
    now: d.now(),
    user: '',
    scope: 'read',
    url: url.pathname + url.search,
    since: d.live.position,
    badges: { inbox: 0, replies: 0, notifications: 0 },
    banners: [],
    assets: d.assets,
  };
}

export function context(call: Call): Ctx {
  const { c, d, who } = call;
  const x = plainContext(c, d);
  const unread = countUnread(d.db);
  return {
    ...x,
    user: who.name,
    scope: who.scope,
    badges: { inbox: unread.comments + unread.messages, replies: countReplies(d.db, { status: 'needs_human' }) + countReplies(d.db, { status: 'awaiting_approval' }), notifications: countNotifications(d.db, { unread: true }) },
    banners: banners(x, d),
  };
}

function banners(x: Ctx, d: Deps): Banner[] {
  const { safe, fault } = d.view();
  const list: Banner[] = [];
  if (!d.connected()) list.push({ tone: 'bad', title: x.t('banner.bus'), text: x.t('banner.bus-text') });
  if (safe) list.push({ tone: 'bad', title: x.t('banner.safe'), text: x.t('banner.safe-text', { stream: safe.stream, why: safe.why }) });
  else if (fault && d.connected()) list.push({ tone: 'warn', title: x.t('banner.stale'), text: fault });
  for (const severity of ['critical', 'warning'] as const) {
    const firing = openAlerts(d.db).filter((a) => a.status === 'firing' && a.severity === severity);
    if (firing.length > 0) list.push({ tone: severity === 'critical' ? 'bad' : 'warn', title: x.t(firing.length === 1 ? 'banner.alert' : 'banner.alerts', { n: firing.length }), text: firing.map((a) => `${x.word('alert-name', a.name)}${a.text ? `: ${a.text}` : ''}`).join(' · ').slice(0, 300), href: '/alerts' });
  }
  return list;
}

/** A page: the whole document, or only its inside when a part of it draws itself anew. */
export function showPage(call: Call, x: Ctx, page: { title: string; main: Value; topics: string[]; plots?: boolean; live?: boolean; talks?: boolean }): Response {
  return new Response(renderDocument(layout(x, page)), { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
}

const dialogs = new WeakSet<Response>();

/** A piece of HTML for a target on the page. */
export function showPiece(piece: Html): Response {
  const text = render(html`${piece}`);
  const answer = new Response(text, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
  if (/^(<!--.*?-->|\s)*<dialog/.test(text)) dialogs.add(answer);
  return answer;
}

/** Whether it is a dialog, which is nothing by itself. */
export const isDialog = (answer: Response): boolean => dialogs.has(answer);

/** A toast with a way back: for ten seconds its button posts to `undo`. `more` are other events of the page. */
export function doneWithUndo(call: Call, key: TextKey, params: Record<string, string | number>, undo: string | null, more: Record<string, unknown> = {}): Response {
  const x = plainContext(call.c, call.d);
  return new Response('', { headers: { 'Content-Type': 'text/html; charset=utf-8', 'HX-Trigger': trigger({ ...more, toast: { text: x.t(key, params), ...(undo ? { undo: { url: undo, label: x.t('talks.undo') } } : {}) } }) } });
}

/** The result of an action as a toast; with a piece, that is swapped in. */
export function done(call: Call, key: TextKey, params: Record<string, string | number> = {}, piece: Html | null = null): Response {
  const x = plainContext(call.c, call.d);
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'HX-Trigger': trigger({ toast: { text: x.t(key, params) } }) };
  return new Response(piece ? render(piece) : '', { headers });
}
