import { ID } from '../../transport/subjects.ts';
import { withOperator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { listWorkers, type WorkerRow } from '../read-model/queries/workers.ts';
import { textTable } from '../text-table.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'workers';
export const summary = 'list workers: state, link, accounts, version, groups, and why';
export const usage = 'Usage: troupe workers [--group G] [--status S] [--json]\n\n  --group G    any group that a worker serves\n  --status S   stopped, starting, running, draining, stopping, crashed or error; several with commas';

const STATES = ['stopped', 'starting', 'running', 'draining', 'stopping', 'crashed', 'error'];

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { json: { type: 'boolean' }, group: { type: 'string' }, status: { type: 'string' } });
  if (flags.group !== undefined && !ID.test(flags.group)) throw new UsageError(`--group ${JSON.stringify(flags.group.slice(0, 80))}: must be lower-case letters, digits and hyphens`);
  const odd = flags.status?.split(',').find((s) => !STATES.includes(s));
  if (odd !== undefined) throw new UsageError(`--status ${JSON.stringify(odd.slice(0, 80))}: there are ${STATES.join(', ')}`);
  return withOperator(ctx, async (operator) => {
    const rows = listWorkers(await viewFromJournal(operator.nc, ['worker', 'account']), { group: flags.group, status: flags.status });
    if (flags.json) ctx.out(JSON.stringify({ workers: rows.map(asJson) }, null, 2));
    else if (rows.length === 0) ctx.out(flags.group || flags.status ? 'no worker fits' : 'there are no workers yet: create one on the page, or with POST /api/v1/worker-configs');
    else for (const line of textTable(['WORKER', 'STATE', 'LINK', 'ACCOUNTS', 'TYPE', 'VERSION', 'GROUPS', 'CAUSE'], rows.map(asLine))) ctx.out(line);
    return 0;
  });
}

const behind = (w: WorkerRow): boolean => w.runs !== null && w.status !== 'stopped' && w.runs.applied < w.version;
const asLine = (w: WorkerRow): (string | null)[] => [w.id, w.status, w.link, `${w.assigned}/${w.maxAccounts}`, w.deploymentType, behind(w) ? `${w.runs!.applied} of ${w.version}` : String(w.version), w.groups.join(','), w.lastError ?? w.cause];
const asJson = (w: WorkerRow): Record<string, unknown> => ({ id: w.id, name: w.name, status: w.status, link_status: w.link, assigned_accounts: w.assigned, max_accounts: w.maxAccounts, deployment_type: w.deploymentType, host: w.host, port: w.port, enabled: w.enabled, version: w.version, runs: w.runs, groups: w.groups, labels: w.labels, cause: w.cause, last_error: w.lastError, restart_count: w.restartCount });
