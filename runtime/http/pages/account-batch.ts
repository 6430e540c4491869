import { z } from 'zod';
import { accountFields } from '../../../actors/account.ts';
import type { Ctx } from '../../../views/context.ts';
import { findAccount, type AccountRow } from '../../read-model/queries/accounts.ts';
import { checked } from '../body.ts';
import type { Call } from '../call.ts';
import { tagsOf } from '../accounts/tags-of.ts';
import type { Batch } from './batch.ts';

const tags = z.object({ how: z.enum(['add', 'drop', 'set']), tags: z.string().max(1000).transform(tagsOf).pipe(accountFields.tags) });
const group = z.object({ group: z.string().trim().transform((v) => v || null).pipe(accountFields.group) });
const proxy = z.object({ proxyId: z.string().transform((v) => v || null).pipe(accountFields.proxyId), confirm: z.literal('1').optional() });

/** Actions for many accounts: what each would do to one, and with which command. */
export const accountBatch: Omit<Batch, 'actions'> = {
  base: '/accounts', kind: 'account',
  item(call, x, verb, id) {
    const a = findAccount(call.d.db, id);
    if (!a) return null;
    const why = whyNot(x, a, verb);
    return a.activity && !a.archived ? { id, name: a.name, state: a.activity, group: 'activity', why } : { id, name: a.name, state: a.archived ? 'archived' : a.loginStatus, group: 'state', why };
  },
  note: (call, x, verb, ids) => (verb === 'remove' ? x.t('account.remove-many') : verb === 'archive' ? x.t('account.archive-many') : verb === 'proxy' ? proxyNote(call, x, ids) : null),
  command(call, verb, id, form) {
    switch (verb) {
      case 'tags': {
        const { how, tags: given } = checked(tags, { how: form['how'], tags: form['tags'] ?? '' });
        const was = findAccount(call.d.db, id)?.tags ?? [];
        return { verb: 'update', payload: { tags: how === 'set' ? given : how === 'add' ? [...new Set([...was, ...given])] : was.filter((t) => !given.includes(t)) } };
      }
      case 'group':
        return { verb: 'update', payload: checked(group, { group: form['group'] ?? '' }) };
      case 'proxy': {
        const { proxyId, confirm } = checked(proxy, { proxyId: form['proxyId'] ?? '', ...(form['confirm'] ? { confirm: form['confirm'] } : {}) });
        return { verb: 'update', payload: { proxyId, ...(confirm ? { confirm: true } : {}) } };
      }
      default:
        return { verb, payload: {} };
    }
  },
};

function whyNot(x: Ctx, a: AccountRow, verb: string): string | null {
  const already = x.t('batch.already');
  switch (verb) {
    case 'pause':
      return a.activity === 'paused' ? already : null;
    case 'resume':
      return a.activity === 'paused' ? null : already;
    case 'crawl':
      return a.activity === 'monitoring' ? null : x.t('accounts.crawl-why');
    case 'check':
      return a.activity === 'monitoring' ? null : x.t('account.check-why');
    case 'archive':
      return a.archived ? already : null;
    case 'unarchive':
      return a.archived ? null : already;
    default:
      return null;
  }
}

function proxyNote(call: Call, x: Ctx, ids: string[]): string | null {
  const inside = ids.filter((id) => findAccount(call.d.db, id)?.loginStatus === 'logged_in').length;
  return inside === 0 ? null : x.t('account.proxy-many', { n: inside });
}
