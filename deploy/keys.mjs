// Hands every part the secrets that it needs, and no others; the files keep mode 0600, which a mounted secret can't.
//   node keys.mjs share           makes all in /data/secrets, and fills /keys/web and /keys/worker: for compose
//   node keys.mjs take ROLE FROM  ROLE server, web or worker; from a mounted secret into /data: for Kubernetes
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PAGE = ['nats-web', 'admin-password'];
const WORKER = ['worker-psk'];

function copy(names, from, to) {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  chmodSync(to, 0o700);
  for (const name of names) {
    const draft = join(to, `.${name}.tmp`);
    rmSync(draft, { force: true });
    writeFileSync(draft, readFileSync(join(from, name)), { mode: 0o600, flush: true });
    renameSync(draft, join(to, name));
  }
}

/** The whole set, once: later the folder's own keys may be newer than the mounted ones. */
export function takeServer(from, dataDir) {
  const to = join(dataDir, 'secrets');
  if (existsSync(to)) return;
  // The servers of a cluster may do this at once, into one folder.
  const draft = mkdtempSync(`${to}.copy-`);
  try {
    // A mounted secret has entries of its own that begin with dots.
    copy(readdirSync(from).filter((n) => !n.startsWith('.')), from, draft);
    renameSync(draft, to);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}

/** The page's two. `load` makes the rest of its folder, which opens nothing: the key of sealed data stays with the masters. */
export function takeWeb(from, dataDir, load) {
  const to = join(dataDir, 'secrets');
  load({ dataDir, secretsDir: to });
  copy(PAGE, from, to);
}

export const takeWorker = (from, dataDir) => copy(WORKER, from, join(dataDir, 'secrets'));

/** `keys` has a folder for the page's data and one for the workers' key. */
export function share(dataDir, keys, load) {
  const made = join(dataDir, 'secrets');
  load({ dataDir, secretsDir: made });
  takeWeb(made, join(keys, 'web'), load);
  copy(WORKER, made, join(keys, 'worker'));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { loadSecrets } = await import('../dist/runtime/secrets.js');
  const dataDir = process.env.TROUPE_DATA ?? '/data';
  const [verb, role, from] = process.argv.slice(2);
  const takes = { server: takeServer, web: takeWeb, worker: takeWorker };
  try {
    if (verb === 'share') share(dataDir, '/keys', loadSecrets);
    else if (verb === 'take' && Object.hasOwn(takes, role) && from) takes[role](from, dataDir, loadSecrets);
    else throw new Error('say share, or take server|web|worker FROM');
  } catch (error) {
    console.error(`keys: ${error.message}`);
    process.exitCode = error.exitCode ?? 1;
  }
}
