import { getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { SCOPES } from '../../../views/context.ts';
import { settingsPage } from '../../../views/settings.ts';
import { renderDocument } from '../../../views/html.ts';
import { layout } from '../../../views/layout.ts';
import { STRATEGIES, type Strategy } from '../../master/assignment.ts';
import { listAudit } from '../../read-model/queries/audit.ts';
import type { Call } from '../call.ts';
import { COOKIE } from '../identity.ts';
import { readFleetSettings, saveFleetSettings } from '../fleet/settings.ts';
import { isTls, peer } from '../guard.ts';
import { context, done, showPage } from '../page.ts';
import { Problem } from '../problem.ts';
import { trigger } from '../trigger.ts';
import { RateLimit } from '../rate-limit.ts';
import { page, type Route } from '../routes.ts';
import { closeSession, openSession } from '../sessions.ts';
import { createToken, listTokens } from '../tokens.ts';
import { changePassword, findUser, signIn } from '../users.ts';
import { usersModel } from './user-pages.ts';

const workForm = z.object({ strategy: z.enum(STRATEGIES as [Strategy, ...Strategy[]]).or(z.literal('')), days: z.string().regex(/^\d{1,2}$/, 'must be a number from 1 to 90').transform(Number).refine((n) => n >= 1 && n <= 90, 'must be a number from 1 to 90') });

const AUDIT = 25;
const YEAR = 365 * 24 * 3600;

export function settingsPages(): Route[] {
  const tries = new RateLimit(10, 60_000);
  return [
    page('get', '/settings', 'read', async (call) => {
      const x = context(call);
      return showPage(call, x, { title: x.t('nav.settings'), topics: ['actor', 'inbox', 'reply', 'notification'], main: settingsPage(x, await model(call, null)) });
    }),
    page('post', '/settings/look', 'read', async (call) => {
      const { lang, theme } = await call.form(z.object({ lang: z.enum(['zh-CN', 'en']), theme: z.enum(['auto', 'light', 'dark']) }));
      for (const [name, value] of [['troupe_lang', lang], ['troupe_theme', theme]] as const) setCookie(call.c, name, value, { path: '/', sameSite: 'Lax', maxAge: YEAR, secure: isTls(call.c) });
      return call.c.redirect('/settings', 303);
    }),
    page('post', '/settings/password', 'read', async (call) => {
      const { d, c } = call;
      if (call.who.via !== 'session') throw new Problem(403, 'forbidden', 'sign in with a password to change it');
      if (!tries.allow(peer(c), d.now())) throw new Problem(429, 'too_many_requests', 'too many tries: wait a minute');
      const given = await call.form(z.object({ current: z.string().max(1000), next: z.string().min(12, 'must have at least 12 characters').max(200) }));
      const user = await signIn(d.users, call.who.name, given.current);
      if (!user) {
        await call.note('PASSWORD_REFUSED', `user/${call.who.name}`);
        throw new Problem(422, 'invalid', 'current: this is not the password in use', { field: 'current' });
      }
      await changePassword(d.users, user, given.next, d.now());
      await call.note('PASSWORD_CHANGED', `user/${user.name}`);
      // Every older session ends with the old password; this one goes on under a new id.
      await closeSession(d.sessions, getCookie(c, COOKIE));
      const response = done(call, 'done.password');
      setCookie(c, COOKIE, await openSession(d.sessions, user.name, d.now()), { httpOnly: true, sameSite: 'Lax', secure: isTls(c), path: '/', maxAge: 12 * 3600 });
      for (const cookie of c.res.headers.getSetCookie()) response.headers.append('Set-Cookie', cookie);
      return response;
    }),
    page('post', '/settings/work', 'admin', async (call) => {
      const { strategy, days } = await call.form(workForm);
      await saveFleetSettings(call.d.settings, { taskStrategy: strategy === '' ? null : strategy, taskDays: days });
      await call.note('WORK_SETTINGS_CHANGED', 'settings/work');
      return done(call, 'done.saved');
    }),
    page('post', '/settings/tokens', 'admin', async (call) => {
      const given = await call.form(z.object({ name: z.string().trim().min(1, 'must not be empty').max(60), scope: z.enum(SCOPES) }));
      const { token, text } = await createToken(call.d.tokens, { ...given, by: call.who.name }, call.d.now());
      await call.note('TOKEN_CREATED', `token/${token.id}`);
      const x = context(call);
      const body = renderDocument(layout(x, { title: x.t('nav.settings'), topics: [], main: settingsPage(x, await model(call, text)) }));
      return new Response(body, { headers: { 'Content-Type': 'text/html; charset=utf-8', 'HX-Trigger': trigger({ toast: { text: x.t('done.token'), keep: true } }) } });
    }),
    page('post', '/settings/tokens/:id/revoke', 'admin', async (call) => {
      const id = call.param('id');
      if (/^[a-z0-9]{12}$/.test(id) && (await call.d.tokens.get(id))) {
        await call.d.tokens.delete(id);
        await call.note('TOKEN_REVOKED', `token/${id}`);
      }
      return done(call, 'done.revoked');
    }),
  ];
}

async function model(call: Call, fresh: string | null) {
  const user = call.who.via === 'session' ? await findUser(call.d.users, call.who.name) : null;
  const tokens = call.who.scope === 'admin' ? await listTokens(call.d.tokens) : [];
  return { tokens: tokens.map((t) => ({ id: t.id, name: t.name, scope: t.scope, createdMs: t.createdMs, usedMs: null })), fresh, firstPassword: user?.first ?? false, audit: call.who.scope === 'admin' ? audit(call) : null, users: call.who.scope === 'admin' ? await usersModel(call, call.who.name) : null, work: call.who.scope === 'admin' ? await workModel(call) : null };
}

function audit(call: Call) {
  const actor = (call.query('actor') ?? '').trim().slice(0, 100);
  const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
  const rows = listAudit(call.d.db, { actor: actor || undefined, before: before ? Number(before) : undefined, limit: AUDIT + 1 });
  const lines = rows.slice(0, AUDIT);
  const older = rows.length > AUDIT ? `/settings?${new URLSearchParams({ ...(actor ? { actor } : {}), before: String(lines.at(-1)!.id) }).toString()}#audit` : null;
  return { actor, lines, older, first: !before };
}

async function workModel(call: Call) {
  const { taskStrategy, taskDays } = await readFleetSettings(call.d.settings);
  return { strategy: taskStrategy, strategies: STRATEGIES, days: taskDays };
}
