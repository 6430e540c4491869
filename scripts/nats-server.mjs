import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataDir, isExecutable, isRoot, onPath, run, SetupError, step, tail } from './steps.mjs';

const FLOOR = [2, 12];
const PINNED = 'v2.15.1';
// A mirror of the releases, for networks that don't reach them.
const RELEASES = process.env.TROUPE_NATS_RELEASES || 'https://github.com/nats-io/nats-server/releases/download';
const SUITES = ['forky', 'sid'];

/** A nats-server that is new enough: TROUPE_NATS_SERVER, the PATH, data/bin, else put into data/bin. Gives its path. */
export async function ensureNatsServer() {
  const named = process.env.TROUPE_NATS_SERVER;
  if (named) {
    const v = await versionOf(named);
    if (v && !isOld(v)) return named;
    throw new SetupError(`TROUPE_NATS_SERVER=${named} ${v ? `is ${v.join('.')}, Troupe needs ${FLOOR.join('.')} or newer` : 'is not a nats-server that runs here'}: name another, or unset it`);
  }
  const target = join(dataDir(), 'bin', 'nats-server');
  for (const path of [...onPath('nats-server'), target].filter(isExecutable)) {
    const v = await versionOf(path);
    if (v && !isOld(v)) return path;
  }
  const why = [];
  for (const [label, get] of [[`Downloading nats-server ${PINNED}`, fromRelease], ['Getting nats-server from the distribution', fromDebian]]) {
    const scratch = mkdtempSync(join(tmpdir(), 'troupe-nats-'));
    try {
      await step(label, async () => place(await get(scratch), target));
      return target;
    } catch (error) {
      why.push(`${label}: ${error.message}`);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  throw new SetupError(`nats-server ${FLOOR.join('.')} or newer could not be fetched:\n${why.map((w) => `  ${w}`).join('\n')}\nInstall it by hand and start again, or name it: TROUPE_NATS_SERVER=/path/to/nats-server npm start`);
}

const isOld = (v) => v[0] < FLOOR[0] || (v[0] === FLOOR[0] && v[1] < FLOOR[1]);

async function versionOf(path) {
  const { code, output } = await run(path, ['--version'], { limitMs: 10_000 });
  const found = code === 0 ? /v?(\d+)\.(\d+)\.(\d+)/.exec(output) : null;
  return found ? found.slice(1).map(Number) : null;
}

// Only one that runs and is new enough takes the place, in one step.
async function place(path, target) {
  chmodSync(path, 0o755);
  const v = await versionOf(path);
  if (!v) throw new Error('it does not run here');
  if (isOld(v)) throw new Error(`it is only ${v.join('.')}`);
  mkdirSync(join(dataDir(), 'bin'), { recursive: true, mode: 0o700 });
  copyFileSync(path, `${target}.new`);
  renameSync(`${target}.new`, target);
}

async function fromRelease(scratch) {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  if (!arch || process.platform !== 'linux') throw new Error(`no release is known for ${process.platform} on ${process.arch}`);
  const name = `nats-server-${PINNED}-linux-${arch}`;
  const sums = (await download(`${RELEASES}/${PINNED}/SHA256SUMS`, 10_000)).toString();
  const want = sums.split('\n').map((l) => l.trim().split(/\s+\*?/)).find(([, file]) => file === `${name}.tar.gz`)?.[0];
  if (!want) throw new Error(`SHA256SUMS does not name ${name}.tar.gz`);
  const body = await download(`${RELEASES}/${PINNED}/${name}.tar.gz`, 300_000);
  const is = createHash('sha256').update(body).digest('hex');
  if (is !== want) throw new Error(`${name}.tar.gz has the checksum ${is}, the release says ${want}`);
  writeFileSync(join(scratch, 'release.tar.gz'), body);
  const tar = await run('tar', ['-xzf', 'release.tar.gz', '--no-same-owner'], { cwd: scratch });
  if (tar.code !== 0) throw new Error(`tar failed: ${tar.output.trim()}`);
  return join(scratch, name, 'nats-server');
}

async function download(url, limitMs) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${url}: ${error.cause?.code ?? error.message}`);
  }
}

/** From a newer suite of the machine's own mirror, with lists and cache of our own: nothing of the system changes, no root needed. */
async function fromDebian(scratch) {
  if (onPath('apt-get').length === 0 || onPath('dpkg').length === 0) throw new Error('there is no apt-get here');
  const mirror = debianMirror();
  if (!mirror) throw new Error('apt has no Debian mirror configured');
  const why = [];
  for (const suite of SUITES) {
    const dir = join(scratch, suite);
    for (const sub of ['lists/partial', 'cache/archives/partial', 'out']) mkdirSync(join(dir, sub), { recursive: true });
    writeFileSync(join(dir, 'sources.list'), `deb ${mirror.signedBy ? `[signed-by=${mirror.signedBy}] ` : ''}${mirror.uri} ${suite} main\n`);
    const options = {
      'Dir::Etc::sourcelist': join(dir, 'sources.list'), 'Dir::Etc::sourceparts': '/dev/null', 'Dir::Etc::preferences': '/dev/null', 'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::State::lists': join(dir, 'lists'), 'Dir::Cache': join(dir, 'cache'), 'Acquire::Languages': 'none',
      // The download user of apt may not enter a folder of root's.
      ...(isRoot() && { 'APT::Sandbox::User': 'root' }),
    };
    const apt = (...words) => run('apt-get', [...Object.entries(options).flatMap(([k, v]) => ['-o', `${k}=${v}`]), ...words], { cwd: join(dir, 'out') });
    const update = await apt('update');
    const get = update.code === 0 ? await apt('download', 'nats-server') : update;
    const deb = readdirSync(join(dir, 'out')).find((n) => n.endsWith('.deb'));
    if (get.code !== 0 || !deb) {
      why.push(`${suite}: ${tail(get.output, 2).trim()}`);
      continue;
    }
    const unpack = await run('dpkg', ['-x', join(dir, 'out', deb), join(dir, 'x')]);
    const path = ['usr/sbin/nats-server', 'usr/bin/nats-server'].map((p) => join(dir, 'x', p)).find(isExecutable);
    const v = unpack.code === 0 && path ? await versionOf(path) : null;
    if (v && !isOld(v)) return path;
    why.push(`${suite}: ${v ? `only ${v.join('.')}` : 'the package does not run here'}`);
  }
  throw new Error(why.join('; '));
}

/** The first Debian archive of apt's own configuration, security and backports apart. */
function debianMirror() {
  const dir = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(dir) ? readdirSync(dir).filter((n) => /\.(list|sources)$/.test(n)).map((n) => join(dir, n)) : [])].filter(existsSync);
  const isDebian = (uri) => /^https?:.*\/debian\/?$/.test(uri);
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replace(/^\s*#.*\n/gm, '');
    if (file.endsWith('.sources')) {
      for (const block of text.split(/\n\s*\n/)) {
        const uri = /^URIs:\s*(.+)$/m.exec(block)?.[1].split(/\s+/).find(isDebian);
        const signedBy = /^Signed-By:\s*(\/\S+)$/m.exec(block)?.[1];
        if (uri) return { uri, signedBy };
      }
    } else {
      for (const line of text.split('\n')) {
        const m = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)/.exec(line.trim());
        if (m && isDebian(m[2])) return { uri: m[2], signedBy: /signed-by=(\/\S+)/.exec(m[1] ?? '')?.[1] };
      }
    }
  }
  return null;
}
