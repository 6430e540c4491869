import { listAccounts } from '../../read-model/queries/accounts.ts';
import { listAgents } from '../../read-model/queries/agents.ts';
import { listWorkers, workerGroups } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import type { Around } from './task-form-model.ts';
import { toolChoices } from './tool-choices.ts';

const MOST = 500;

/** What a form of work can choose from. */
export const around = (call: Call): Around => ({
  tools: toolChoices(call.d.tools.list()),
  groups: workerGroups(call.d.db),
  workers: listWorkers(call.d.db, { limit: MOST }).map((w) => w.id),
  agents: listAgents(call.d.db, { limit: MOST }).map((a) => ({ id: a.id, name: a.name })),
  accounts: listAccounts(call.d.db, { limit: MOST }).map((a) => ({ id: a.id, name: a.name })),
});
