import { setTimeout as delay } from 'node:timers/promises';
import type { AccountContext } from '../../machines/account.ts';
import { statePaths } from '../../actors/entry.ts';
import type { Db } from '../read-model/store.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';
import type { Liveness } from './liveness.ts';

type Row = { id: string; incarnation: string; capabilities: string; max_accounts: number; held: number };

const LOOK = 400;
const HOUR = 3_600_000;

/** Finds workers for accounts, and tells replies when they may go out. */
export function accountEffects(db: Db, engine: () => Engine, liveness: Liveness): Record<'assign' | 'claim', MasterEffect> {
  const online = db.prepare(`SELECT w.id, w.incarnation, w.capabilities, w.max_accounts, (SELECT count(*) FROM accounts a WHERE a.assigned_worker_id = w.id) AS held
    FROM workers w JOIN worker_runtime r ON r.worker_id = w.id WHERE w.status = 'connected' AND r.status = 'running'`);
  const posted = db.prepare('SELECT submitted_ms FROM replies WHERE account_id = ? AND submitted_ms > ? ORDER BY submitted_ms');
  // Grants of this process that the view may not show yet: they count as load.
  const granted = new Map<string, { worker: string; at: number }>();
  return {
    async assign({ account, platform, pin }: { account: string; platform: string; pin: string | null }, { signal }) {
      for (;;) {
        signal.throwIfAborted();
        const now = Date.now();
        for (const [a, g] of granted) if (now - g.at > 3_000) granted.delete(a);
        const extra = (worker: string) => [...granted].filter(([a, g]) => a !== account && g.worker === worker).length;
        const fit = (online.all() as Row[])
          .filter((w) => (pin === null || w.id === pin) && (JSON.parse(w.capabilities) as string[]).includes(platform))
          .filter((w) => liveness.incarnation(w.id) === w.incarnation && liveness.state(w.id) === 'connected')
          .filter((w) => w.held + extra(w.id) < w.max_accounts)
          .sort((a, b) => a.held + extra(a.id) - (b.held + extra(b.id)) || a.id.localeCompare(b.id));
        const best = fit[0];
        if (best) {
          granted.set(account, { worker: best.id, at: now });
          return { worker: best.id, incarnation: best.incarnation };
        }
        await delay(LOOK, undefined, { signal });
      }
    },
    async claim({ account, reading }: { account: string; reading: boolean }, { signal }) {
      for (;;) {
        signal.throwIfAborted();
        const head = await engine().host.head(`account/${account}`);
        if (!head || (head.entry.after as { status: string }).status !== 'active') throw new EffectFailed('refused', `there is no account ${account}`);
        const { context, value } = head.entry.after as { context: AccountContext; value: unknown };
        const loggedIn = statePaths(value).includes('active.session.logged_in');
        if (loggedIn && context.lease && (reading || mayPost(context, (posted.all(account, Date.now() - HOUR) as { submitted_ms: number }[]).map((r) => r.submitted_ms), Date.now()))) {
          return { worker: context.lease.worker, epoch: context.lease.epoch, proxy: context.proxy };
        }
        await delay(LOOK, undefined, { signal });
      }
    },
  };
}

/** Within the account's limits a minute and an hour, and outside its quiet hours. */
export function mayPost({ limits }: Pick<AccountContext, 'limits'>, sent: number[], now: number, hour = shanghaiHour(now)): boolean {
  if (sent.length >= limits.perHour) return false;
  if (sent.filter((t) => t > now - 60_000).length >= limits.perMinute) return false;
  if (!limits.quiet) return true;
  const [from, to] = limits.quiet;
  const quiet = from <= to ? hour >= from && hour < to : hour >= from || hour < to;
  return !quiet;
}

/** Accounts live in the time zone of their fingerprint: Asia/Shanghai, UTC+8 all year. */
const shanghaiHour = (now: number): number => new Date(now + 8 * HOUR).getUTCHours();
