import { Hono, type Context } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { layout } from './layout.ts';
import { moodInput, planInput, postModes, type Moods } from './moods.ts';
import type { Store } from './store.ts';

const someone = z.object({ user: z.string().min(1).describe('who writes'), text: z.string().min(1).max(100_000) });
const commentInput = someone.extend({ post: z.coerce.number().int() });
const messageInput = someone.extend({ to: z.string().min(1) });
const numbers = new Set(['slowMs', 'qrMs', 'sessionMs', 'count', 'seed']);

/** A JSON or form body as one object; empty form fields count as not given. */
async function body(c: Context): Promise<unknown> {
  if (c.req.header('content-type')?.includes('json')) return c.req.json().catch(() => null);
  const form = Object.entries(await c.req.parseBody()).filter(([, v]) => v !== '');
  return Object.fromEntries(form.map(([k, v]) => [k, numbers.has(k) ? Number(v) : k === 'pattern' ? String(v).split(',').map((s) => s.trim()) : v]));
}

/** The strings behind the puppet: how the site behaves, and the ledger of what was really posted. */
export function controlRoutes(store: Store, moods: Moods): Hono {
  const app = new Hono();
  const act = <T>(path: string, schema: z.ZodType<T>, run: (input: T) => object | void) =>
    app.post(path, async (c) => {
      const parsed = schema.safeParse(await body(c));
      if (!parsed.success) return c.json({ ok: false, message: parsed.error.issues.map((i) => `${i.path.join('.') || 'body'}: ${i.message}`).join('; ') }, 422);
      try {
        const result = run(parsed.data) ?? {};
        return c.req.header('accept')?.includes('text/html') ? c.redirect('/control', 303) : c.json({ ok: true, ...result });
      } catch (error) {
        return c.json({ ok: false, message: error instanceof Error ? error.message : String(error) }, 422);
      }
    });
  const nothing = z.unknown();

  act('/mood', moodInput.partial(), (next) => (moods.set(next), { mood: moods.get() }));
  act('/plan', planInput, (plan) => moods.setPlan(plan));
  act('/plan/clear', nothing, () => moods.setPlan(null));
  act('/logout-all', nothing, () => void store.logoutAll());
  act('/challenge-sessions', z.object({ on: z.coerce.boolean().default(true) }).nullish(), (input) => void store.challengeSessions(input?.on ?? true));
  act('/expire-qr', nothing, () => void store.expireCodes());
  act('/comment', commentInput, (input) => ({ id: `c${store.addComment(input.post, input.user, input.text)}` }));
  act('/message', messageInput, (input) => ({ id: `m${store.addMessage(input.user, input.to, input.text)}` }));
  act('/ledger/clear', nothing, () => void store.clearLedger());

  app.get('/ledger', (c) => c.json(store.ledger()));
  app.get('/state', (c) => c.json({ mood: moods.get(), plan: moods.plan() }));
  app.get('/', (c) => c.html(layout('Control', null, page(store, moods))));
  return app;
}

function page(store: Store, moods: Moods) {
  const mood = moods.get();
  const plan = moods.plan();
  const users = store.users();
  const choose = (name: string, values: readonly string[], now: string) => html`<select name="${name}" aria-label="${name}">${values.map((v) => html`<option ${v === now ? 'selected' : ''}>${v}</option>`)}</select>`;
  const button = (path: string, label: string) => html`<form method="post" action="/control/${path}"><button class="plain">${label}</button></form>`;
  return html`<section class="card"><h1>Control</h1><p class="soft">Make the site misbehave and watch what the ledger says.</p></section>
  <section class="card"><h2>Someone writes</h2>
    <form class="row" method="post" action="/control/comment">${choose('user', users.map((u) => u.id), 'visitor')}<select name="post" aria-label="post">${store.posts().map((p) => html`<option value="${p.id}">${p.title}</option>`)}</select><input name="text" required placeholder="A comment" aria-label="comment"><button>Comment</button></form>
    <form class="row" method="post" action="/control/message">${choose('user', users.map((u) => u.id), 'visitor')}${choose('to', store.demoUsers().map((u) => u.id), 'mei')}<input name="text" required placeholder="A private message" aria-label="message"><button>Message</button></form></section>
  <section class="card"><h2>What happens to replies</h2>
    <p class="soft">${plan ? `Now: ${plan.pattern.join(', ')}${plan.seed === null ? '' : ` shuffled by ${plan.seed}`}; ${plan.taken} of ${plan.count ?? 'all'} taken.` : 'Now: every reply works.'}</p>
    <form class="row" method="post" action="/control/plan"><input name="pattern" list="modes" required placeholder="ok,ok,fail-after" aria-label="pattern"><datalist id="modes">${postModes.map((m) => html`<option>${m}</option>`)}</datalist><input name="count" type="number" min="1" placeholder="for N posts" aria-label="count"><input name="seed" type="number" placeholder="shuffle seed" aria-label="seed"><button>Set</button></form>
    <p class="soft">Modes: ${postModes.join(', ')}.</p>${button('plan/clear', 'Every reply works again')}</section>
  <section class="card"><h2>Mood</h2><form class="row" method="post" action="/control/mood">
    <label>slow by ms <input name="slowMs" type="number" min="0" value="${mood.slowMs}"></label><label>challenge ${choose('challenge', ['none', 'slider', 'sms'], mood.challenge)}</label>
    <label>markup ${choose('markup', ['v1', 'v2'], mood.markup)}</label><label>code lives ms <input name="qrMs" type="number" min="500" value="${mood.qrMs}"></label><button>Set</button></form>
    <div class="row">${button('logout-all', 'Log everyone out')}${button('challenge-sessions', 'Challenge all sessions')}${button('expire-qr', 'Expire the login codes')}</div></section>
  <section class="card scroll"><h2>Ledger: what was really posted</h2><table><tr><th>#<th>user<th>target<th>text<th>at</tr>
    ${store.ledger().slice(-50).reverse().map((r) => html`<tr><td>${r.id}<td>${r.user}<td>${r.target}<td>${r.text}<td>${new Date(r.at).toISOString()}</tr>`)}</table>
    <div class="row"><a href="/control/ledger">as JSON</a>${button('ledger/clear', 'Clear')}</div></section>`;
}
