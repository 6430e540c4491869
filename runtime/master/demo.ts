import type { Config } from '../config.ts';
import type { Db } from '../read-model/store.ts';
import type { Commands } from './commands.ts';

/** The first start's own fleet: one local worker, and with the demo two accounts on the sandbox site. Made once; what is removed stays removed. */
export async function setUpDemo(config: Config, db: Db, commands: Commands): Promise<void> {
  const ever = db.prepare('SELECT 1 FROM turns WHERE kind = ? AND id = ? LIMIT 1');
  const create = async (kind: string, id: string, payload: Record<string, unknown>) => {
    if (ever.get(kind, id)) return;
    const answer = await commands.run({ to: { kind, id }, verb: 'create', payload, id: `first:${kind}:${id}`, by: 'setup' });
    if (!answer.ok && answer.code !== 'duplicate') throw new Error(`first set-up of ${kind}/${id}: ${answer.message as string}`);
  };
  if (config.localWorker) {
    await create('worker', 'worker-1', { name: 'worker-1', description: '', deployment_type: 'local', max_accounts: config.worker.maxAccounts, max_agents: config.worker.maxAgents, allow_shell: config.worker.allowShell, group_name: config.worker.group ?? 'default' });
  }
  if (!config.demo.on) return;
  await create('account', 'demo-1', { platform: 'sandbox', name: 'Demo 1', monitorInterval: 10 });
  await create('account', 'demo-2', { platform: 'sandbox', name: 'Demo 2', monitorInterval: 10 });
}
