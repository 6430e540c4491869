import { openConnection } from '../../transport/connection.ts';
import { Vault } from '../master/vault.ts';
import { natsLogin } from '../nats-login.ts';
import { serverReady } from '../nats-server/server-ready.ts';
import { reloadServer } from '../nats-server/admit-worker.ts';
import { keepAgents, knownWorkers } from '../nats-server/users.ts';
import type { Config } from '../config.ts';
import { addKey, addPsk, dropPsk, freshRing, loadSecrets } from '../secrets.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'secrets';
export const summary = 'change the key that seals sessions and passwords, or the pre-shared key of the workers';
export const usage = `Usage: troupe secrets rotate | add-key | reseal | add-psk | drop-psk [--yes]

rotate    makes a new key and seals everything with it; masters on this machine use it at once
add-key   only makes the key: copy data/secrets/kek.json to masters on other machines before reseal
reseal    seals with the newest key whatever is under an older one

Old keys stay in kek.json: backups made before are sealed with them.

add-psk   makes a second pre-shared key, data/secrets/worker-psk.next; both are accepted from now on, and workers
          that are started from here get the new one. Run it where nats-server runs. Give it to other machines as their
          worker-psk, and start their workers again when it suits
drop-psk  ends the old one. Names the workers that are connected by it, and does nothing while there are any, unless --yes.
          Workers of this machine follow by themselves; agents of machines keep the login that they have`;

const WORDS = ['rotate', 'add-key', 'reseal', 'add-psk', 'drop-psk'];

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { rest, flags } = readArgs(args, { yes: { type: 'boolean' } }, { least: 1, names: WORDS.join(', ') });
  const word = rest[0]!;
  if (!WORDS.includes(word)) throw new UsageError(`${JSON.stringify(word)} is none of ${WORDS.join(', ')}`);
  const config = ctx.config();
  if (word === 'add-psk') {
    const file = addPsk(config);
    keepAgents(config, loadSecrets(config));
    reloadServer(config);
    ctx.out(`${file} is accepted beside the old key: copy it to each machine as its worker-psk, to other masters as it is, start those workers again, then run troupe secrets drop-psk`);
    return 0;
  }
  if (word === 'drop-psk') return endRotation(config, flags.yes ?? false, ctx);
  if (word === 'add-key') {
    ctx.out(`${addKey(config)} is the new key; copy ${config.secretsDir}/kek.json to every other master, then run troupe secrets reseal`);
    return 0;
  }
  const login = natsLogin(config, 'master');
  // A key that nothing is sealed with is of no use: NATS must answer first.
  await serverReady(login, 5_000);
  const nc = await openConnection({ ...login, name: 'troupe secrets' });
  try {
    const ring = freshRing(config);
    const vault = await Vault.open(nc, ring);
    if (word === 'rotate') addKey(config);
    const sealed = await vault.reseal();
    ctx.out(`${sealed} ${sealed === 1 ? 'value' : 'values'} sealed anew with ${ring().current}`);
    return 0;
  } finally {
    await nc.close();
  }
}

/** Ends the old pre-shared key, once nobody stands on it alone. */
async function endRotation(config: Config, sure: boolean, ctx: VerbContext): Promise<number> {
  const old = await connectedByOld(config);
  if (old === null) ctx.err('nats-server\'s monitoring page does not answer here: who is still connected by the old key is not known');
  else if (old.length > 0) ctx.err(`connected by the old key: ${old.join(', ')}`);
  if ((old === null || old.length > 0) && !sure) {
    ctx.err('workers of this machine follow by themselves, others stay outside until they have the new key: run troupe secrets drop-psk --yes to end the old one all the same');
    return 1;
  }
  dropPsk(config);
  keepAgents(config, loadSecrets(config));
  reloadServer(config);
  ctx.out('the old pre-shared key is accepted no more; copy worker-psk to the other masters');
  return 0;
}

/** Workers whose connection is of the old key, by the server's own list; null where it can't be asked. */
async function connectedByOld(config: Config): Promise<string[] | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${config.nats.monitorPort}/connz?auth=1&limit=100000`, { signal: AbortSignal.timeout(5000) });
    const { connections } = (await response.json()) as { connections: { authorized_user?: string }[] };
    const known = new Set(knownWorkers(config));
    return [...new Set(connections.flatMap((c) => (c.authorized_user && known.has(c.authorized_user) ? [c.authorized_user] : [])))].sort();
  } catch {
    return null;
  }
}
