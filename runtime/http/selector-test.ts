import { answer as answerShape, selectorReport, type SelectorReport } from '../../transport/protocol.ts';
import { findAccount, listAccounts, type AccountRow } from '../read-model/queries/accounts.ts';
import type { Deps } from './ports.ts';
import { found } from './call.ts';
import { Problem, refusal } from './problem.ts';

const MOST = 200;

/** Accounts whose browser can be used for it: logged in, and held by a worker. */
export const testable = (d: Pick<Deps, 'db'>, platform: string): AccountRow[] => listAccounts(d.db, { platform, status: 'logged_in', limit: MOST }).filter((a) => a.worker !== null);

/** Asks the account's worker which selectors of the platform match now. Throws a Problem that says what to do. */
export async function testSelectors(d: Pick<Deps, 'db' | 'selectors'>, platform: string, account: string): Promise<SelectorReport> {
  const row = found(findAccount(d.db, account), `account ${account.slice(0, 63)}`);
  if (row.platform !== platform) throw new Problem(422, 'invalid', `account: ${row.name} is of ${row.platform}, not of ${platform}`, { field: 'account' });
  if (!row.worker || row.loginStatus !== 'logged_in') throw new Problem(409, 'conflict', `${row.name} is ${row.loginStatus}${row.worker ? '' : ' and no worker has it'}: log it in first`);
  const bytes = await d.selectors(row.worker, { op: 'selectors', account, platform, epoch: row.epoch });
  const said = answerShape.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (!said.ok) throw refusal(said as Extract<typeof said, { ok: false }>);
  return selectorReport.parse(said);
}
