import { openConnection } from '../../transport/connection.ts';
import { Vault } from '../master/vault.ts';
import { natsLogin } from '../nats-login.ts';
import { serverReady } from '../nats-server/server-ready.ts';
import { addKey, freshRing } from '../secrets.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'secrets';
export const summary = 'change the key that seals sessions and passwords';
export const usage = `Usage: troupe secrets rotate | add-key | reseal

rotate    makes a new key and seals everything with it; masters on this machine use it at once
add-key   only makes the key: copy data/secrets/kek.json to masters on other machines before reseal
reseal    seals with the newest key whatever is under an older one

Old keys stay in kek.json: backups made before are sealed with them.`;

const WORDS = ['rotate', 'add-key', 'reseal'];

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { rest } = readArgs(args, {}, { least: 1, names: WORDS.join(', ') });
  const word = rest[0]!;
  if (!WORDS.includes(word)) throw new UsageError(`${JSON.stringify(word)} is none of ${WORDS.join(', ')}`);
  const config = ctx.config();
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
