import type { AccountCard } from '../../../views/accounts.ts';
import type { AccountRow } from '../../read-model/queries/accounts.ts';

const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);

/** An account as lists and its own page show it; `proxies` are those that there are. */
export const accountCard = (a: AccountRow, proxies: ReadonlyMap<string, { name: string; status: string }>): AccountCard => ({
  id: a.id, platform: a.platform, name: a.name, nickname: a.userInfo?.nickname ?? null, accountId: a.accountId, loginStatus: a.loginStatus, activity: a.activity, reason: a.reason, login: a.loginSession,
  worker: a.worker, pinned: a.pinned, leaseState: a.leaseState, monitorInterval: a.monitorInterval, monitorState: a.monitorState, nextRoundMs: a.nextRoundMs, lastRound: a.lastRound, group: a.group,
  lastLoginMs: ms(a.lastLoginTime), validUntilMs: ms(a.cookiesValidUntil), unread: a.unread, tags: a.tags, archived: a.archived,
  proxy: a.proxyId === null ? null : { id: a.proxyId, name: proxies.get(a.proxyId)?.name ?? a.proxyId, status: proxies.get(a.proxyId)?.status ?? null },
});
