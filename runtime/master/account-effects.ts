import { setTimeout as delay } from 'node:timers/promises';
import { proxyOf, type AccountContext } from '../../machines/account.ts';
import { freshFingerprint, majorOf } from '../browsers/fingerprint.ts';
import type { Heartbeat } from '../../transport/protocol.ts';
import { statePaths } from '../../actors/entry.ts';
import { CORDON } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import { rank, type Candidate, type Strategy, type Want } from './assignment.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';
import type { Gates } from './gates.ts';
import type { Liveness } from './liveness.ts';
import type { Vault } from './vault.ts';

type Row = { id: string; incarnation: string; capabilities: string; groups: string; max_accounts: number; max_memory_mb: number; cpu_cores: number; held: number; cordoned: string | null };

const candidate = (w: Row, held: number, beat: Heartbeat | null, lastGiven: number): Candidate => ({
  id: w.id, capabilities: JSON.parse(w.capabilities) as string[], groups: JSON.parse(w.groups) as string[], held, maxAccounts: w.max_accounts,
  cpu: (beat?.cpuRatio ?? 0) / w.cpu_cores, overMemory: (beat?.rssBytes ?? 0) / 1_048_576 > w.max_memory_mb, lastGiven, cordoned: w.cordoned,
});

const LOOK = 400;
const HOUR = 3_600_000;
const CLAIM_COUNTS = 60_000;

/** Finds workers for accounts, and tells replies when they may go out. */
export function accountEffects(db: Db, engine: () => Engine, liveness: Liveness, vault: () => Vault | null, strategy: () => Strategy = () => 'least-connections', gates: Pick<Gates, 'holds'> | null = null): Record<'assign' | 'claim' | 'forget' | 'remake', MasterEffect> {
  const online = db.prepare(`SELECT w.id, w.incarnation, w.capabilities, w.groups, w.max_accounts, c.max_memory_mb, c.cpu_cores, ${CORDON} AS cordoned, (SELECT count(*) FROM accounts a WHERE a.assigned_worker_id = w.id) AS held
    FROM workers w JOIN worker_runtime r ON r.worker_id = w.id JOIN worker_configs c ON c.worker_id = w.id WHERE w.status = 'connected' AND r.status = 'running'`);
  const posted = db.prepare('SELECT id, submitted_ms AS at FROM replies WHERE account_id = ? AND submitted_ms > ?');
  // Claims that are not sent yet count as sent, or a burst would pass the limit together.
  const claimed = new Map<string, { account: string; at: number }>();
  const sentBy = (account: string, but: string, now: number): number[] => {
    const sent = new Map((posted.all(account, now - HOUR) as { id: string; at: number }[]).map((r) => [r.id, r.at]));
    for (const [reply, c] of claimed) {
      if (now - c.at > CLAIM_COUNTS) claimed.delete(reply);
      else if (c.account === account && !sent.has(reply)) sent.set(reply, c.at);
    }
    sent.delete(but);
    return [...sent.values()];
  };
  // Grants of this process that the view may not show yet: they count as load.
  const granted = new Map<string, { worker: string; at: number }>();
  const given = new Map<string, number>();
  return {
    async assign({ account, ...want }: { account: string } & Want, { signal }) {
      for (;;) {
        signal.throwIfAborted();
        const now = Date.now();
        for (const [a, g] of granted) if (now - g.at > 3_000) granted.delete(a);
        const extra = (worker: string) => [...granted].filter(([a, g]) => a !== account && g.worker === worker).length;
        const rows = (online.all() as Row[]).filter((w) => liveness.incarnation(w.id) === w.incarnation && liveness.state(w.id) === 'connected');
        const best = rank(rows.map((w) => candidate(w, w.held + extra(w.id), liveness.beatOf(w.id), given.get(w.id) ?? 0)), { ...want, group: want.group ?? null, prefer: want.prefer ?? null, last: want.last ?? null }, strategy())[0];
        if (best) {
          granted.set(account, { worker: best.id, at: now });
          given.set(best.id, now);
          return { worker: best.id, incarnation: rows.find((w) => w.id === best.id)!.incarnation };
        }
        await delay(LOOK, undefined, { signal });
      }
    },
    async claim({ account, reply, reading }: { account: string; reply: string; reading: boolean }, { signal, say }) {
      let said: string | null = null;
      for (;;) {
        signal.throwIfAborted();
        const head = await engine().host.head(`account/${account}`);
        if (!head || (head.entry.after as { status: string }).status !== 'active') throw new EffectFailed('refused', `there is no account ${account}`);
        const { context, value } = head.entry.after as { context: AccountContext; value: unknown };
        const now = Date.now();
        const paused = reading ? null : (gates?.holds({ account, platform: context.platform, group: context.group ?? 'default' }) ?? null);
        const why = paused !== null ? paused : context.archived ? 'the account is in the archive' : !statePaths(value).includes('active.session.logged_in') ? 'the account is not logged in' : !context.lease ? 'no worker has the account' : reading ? null : waitsFor(context, sentBy(account, reply, now), now);
        if (why === null) {
          if (!reading) claimed.set(reply, { account, at: now });
          return { worker: context.lease!.worker, epoch: context.lease!.epoch, proxy: proxyOf(context) };
        }
        if (why !== said && !reading) say({ type: 'WAITING', why });
        said = why;
        await delay(LOOK, undefined, { signal });
      }
    },
    async forget({ account }: { account: string }) {
      await vault()?.forget(account);
      return null;
    },
    /** All but what the installed browser says of itself, which the worker puts in. */
    async remake({ account, current }: { account: string; current: Record<string, unknown> | null }) {
      const safe = vault();
      if (!safe) throw new EffectFailed('unavailable', 'the vault is closed');
      const fingerprint = freshFingerprint(majorOf(current), Date.now());
      await safe.put(account, 'fingerprint', JSON.stringify(fingerprint));
      // What a login shows of it, and no more.
      const { webgl: _, canvas: __, audio: ___, ...shown } = fingerprint;
      return { fingerprint: shown };
    },
  };
}

/** Why the account's limits or quiet hours hold a reply back, or null. `sent` are the times of its replies in the last hour. */
export function waitsFor({ limits }: Pick<AccountContext, 'limits'>, sent: number[], now: number, hour = shanghaiHour(now)): string | null {
  if (limits.quiet) {
    const [from, to] = limits.quiet;
    if (from <= to ? hour >= from && hour < to : hour >= from || hour < to) return `quiet hours until ${to}:00`;
  }
  if (sent.length >= limits.perHour) return `the account's limit of ${limits.perHour} replies an hour is reached`;
  if (sent.filter((t) => t > now - 60_000).length >= limits.perMinute) return `the account's limit of ${limits.perMinute} replies a minute is reached`;
  return null;
}

/** Accounts live in the time zone of their fingerprint: Asia/Shanghai, UTC+8 all year. */
const shanghaiHour = (now: number): number => new Date(now + 8 * HOUR).getUTCHours();
