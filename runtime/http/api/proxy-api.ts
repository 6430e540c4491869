import { z } from 'zod';
import { proxyConfig, proxyPatch } from '../../../actors/proxy.ts';
import type { ProxyCheck } from '../../../machines/proxy.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { findProxy, listProxies, workersOfProxy, type ProxyRow } from '../../read-model/queries/proxies.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import type { Route } from '../routes.ts';
import { flag, id, pathId, readQuery } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'proxies';
const { checkEvery, ...plain } = proxyConfig.shape;
/** The API's spelling of the proxy's own fields. */
const creating = z.strictObject({ id: id.optional(), ...plain, check_every: checkEvery });
const { checkEvery: patchEvery, ...patchPlain } = proxyPatch.shape;
const changing = z.strictObject({ ...patchPlain, check_every: patchEvery });
const checking = z.strictObject({ worker_id: id.nullable().default(null) });
const removing = z.object({ confirm: flag.optional().meta({ description: 'true: its accounts go on without a proxy' }) });

/** Proxies that accounts go out by; a password goes in and never comes out. */
export const proxyApi = (): Route[] => [
  ...mount('get', '/proxies', 'read', { tag: TAG, summary: 'All proxies with their health', answer: '{success, proxies}' }, (call) => answer(call, { success: true, proxies: listProxies(call.d.db).map(proxyRow) })),
  ...mount('post', '/proxies', 'operate', { tag: TAG, summary: 'Add a proxy; it is checked at once', body: creating, answer: '{success, proxy}', status: 201 }, async (call) => {
    const { id: given, check_every, ...config } = await readBody(call, creating);
    const name = given ?? freshId('p');
    const done = await call.command({ kind: 'proxy', id: name }, 'create', { ...config, checkEvery: check_every });
    const { password, ...shown } = config;
    return answer(call, { success: true, proxy: { id: name, ...shown, has_password: password !== null, check_every, status: 'unknown', state: done.state } }, 201, { Location: `/api/v1/proxies/${name}` });
  }),
  ...mount('get', '/proxies/:id', 'read', { tag: TAG, summary: 'One proxy with its last checks, and who goes by it', answer: '{success, proxy}' }, (call) => {
    const p = oneProxy(call);
    return answer(call, { success: true, proxy: { ...proxyRow(p), checks: p.checks.map(checkRow), used_by: { accounts: listAccounts(call.d.db, { proxy: p.id }).map((a) => a.id), workers: workersOfProxy(call.d.db, p.id).map((w) => w.id) } } });
  }),
  ...(['put', 'patch'] as const).flatMap((method) => mount(method, '/proxies/:id', 'operate', { tag: TAG, summary: 'Change a proxy; fields that are not given stay, the browsers that go by it are opened anew', body: changing, answer: '{success, proxy}' }, async (call) => {
    const p = oneProxy(call);
    const { check_every, ...patch } = await readBody(call, changing);
    await call.command({ kind: 'proxy', id: p.id }, 'update', { ...patch, ...(check_every === undefined ? {} : { checkEvery: check_every }) });
    const { password, ...shown } = patch;
    return answer(call, { success: true, proxy: { ...proxyRow(p), ...shown, ...(check_every === undefined ? {} : { check_every }), ...(password === undefined ? {} : { has_password: password !== null }) } });
  })),
  ...mount('post', '/proxies/:id/check', 'operate', { tag: TAG, summary: 'Look through it now, from one worker or from the one that has its accounts', body: checking, answer: '{success, state}' }, async (call) => {
    const { worker_id } = await readBody(call, checking);
    const done = await call.command({ kind: 'proxy', id: pathId(call) }, 'check', { worker: worker_id });
    return answer(call, { success: true, id: call.param('id'), state: done.state });
  }),
  ...(['enable', 'disable'] as const).flatMap((verb) => mount('post', `/proxies/:id/${verb}`, 'operate', { tag: TAG, summary: verb === 'enable' ? 'Use it again' : 'Keep it, and let nothing go by it', answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'proxy', id: pathId(call) }, verb);
    return answer(call, { success: true, id: call.param('id'), state: done.state });
  })),
  ...mount('delete', '/proxies/:id', 'operate', { tag: TAG, summary: 'Remove a proxy; while accounts or workers go by it, only with `confirm=true`', query: removing, answer: '{success}' }, async (call) => {
    const { confirm } = readQuery(call, removing);
    await call.command({ kind: 'proxy', id: pathId(call) }, 'remove', confirm ? { confirm } : {});
    return answer(call, { success: true });
  }),
];

const oneProxy = (call: Call): ProxyRow => found(findProxy(call.d.db, pathId(call)), `proxy ${call.param('id')}`);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const checkRow = (c: ProxyCheck): Record<string, unknown> => ({ at: iso(c.at), ok: c.ok, latency_ms: c.ms, exit_address: c.exit, error: c.error, worker_id: c.worker });
const proxyRow = (p: ProxyRow): Record<string, unknown> => ({
  id: p.id, name: p.name, protocol: p.protocol, server: p.server, username: p.username, has_password: p.hasPassword, status: p.status, checking: p.checking, check_every: p.checkEvery, note: p.note, last_check: p.last && checkRow(p.last), waiting: p.waiting, next_check_at: iso(p.nextMs),
  accounts: p.accounts, workers: p.workers, created_by: p.by, created_at: iso(p.createdMs), updated_at: iso(p.updatedMs),
});
