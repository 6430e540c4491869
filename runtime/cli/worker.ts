import { loadConfig } from '../config.ts';
import { withUsableFolder } from '../data-folder.ts';
import { workerLogin } from '../nats-login.ts';
import { detectGroup } from '../worker/detect-group.ts';
import { runUntilSignal } from '../run-until-signal.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'worker';
export const summary = 'run one worker: browsers for the accounts assigned to it';
export const usage = `Usage: troupe worker [--id ID] [--group GROUP] [--master URL] [--allow-shell] [--max-agents N] [--label K=V]

Needs NATS_URL (or --master), and its key: WORKER_PSK_FILE, or NATS_PASSWORD_FILE for its own password.
  --id ID         its name; WORKER_ID, else worker-1
  --group GROUP   its group, several with commas; WORKER_GROUP, else found out: k8s, docker, linux …
  --master URL    the master's address; MASTER_URL
  --allow-shell   also runs shell tasks, as this user; ALLOW_SHELL
  --max-agents N  windows at once, of agents and of tasks; MAX_AGENTS, else 10
  --max-shells N  shell tasks at once; MAX_SHELLS, else 4
  --label K=V     what tasks may ask for, besides cpu, memory and gpu, which are found out; several; WORKER_LABELS`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { id: { type: 'string' }, group: { type: 'string' }, master: { type: 'string' }, 'allow-shell': { type: 'boolean' }, 'max-agents': { type: 'string' }, 'max-shells': { type: 'string' }, label: { type: 'string', multiple: true } });
  const config = withUsableFolder(loadConfig({
    ...ctx.env,
    ...(flags.id !== undefined && { WORKER_ID: flags.id }),
    ...(flags.group !== undefined && { WORKER_GROUP: flags.group }),
    ...(flags.master !== undefined && { MASTER_URL: flags.master }),
    ...(flags['allow-shell'] && { ALLOW_SHELL: '1' }),
    ...(flags['max-agents'] !== undefined && { MAX_AGENTS: flags['max-agents'] }),
    ...(flags['max-shells'] !== undefined && { MAX_SHELLS: flags['max-shells'] }),
    ...(flags.label !== undefined && { WORKER_LABELS: flags.label.join(',') }),
  }));
  const { joinAsWorker } = await import('../worker/join.ts');
  await joinAsWorker(config, (line) => ctx.err(`troupe worker: ${line}`));
  const { startWorker } = await import('../worker/start-worker.ts');
  const { giveWay } = await import('../give-way.ts');
  const { servers, user, pass } = workerLogin(config);
  const { id, groups, strict, configVersion, mode, maxAccounts, maxConcurrent, headless, port, maxAgents, maxShells, allowShell, shellLimits, labels, allowHosts } = config.worker;
  giveWay();
  return runUntilSignal(
    () => startWorker({ workerId: id, servers, user, pass, login: () => workerLogin(config), dataDir: config.dataDir, heartbeatMs: config.timing.heartbeat, maxAccounts, mode, group: detectGroup(config.worker.group, config.worker.detect), groups, strict, configVersion, maxConcurrent, headless, port, maxAgents, maxShells, allowShell, shellLimits, labels, allowHosts, toolsDir: config.toolsDir, leaseMs: config.timing.fence, onStopped: () => process.kill(process.pid, 'SIGTERM') }),
    config.timing.grace,
  );
}
