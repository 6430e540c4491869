import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { DriverError } from '../contract.ts';
import { workerBundle } from './bundle.ts';
import type { Remote } from './remote.ts';

/** One line of progress, in words for the page. */
export type BootstrapStep = { step: 'node' | 'chromium' | 'bundle' | 'copy' | 'switch' | 'done'; text: string };

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const UNPACK_LIMIT_MS = 120_000;

/** Makes a machine ready for workers. Throws 'missing' with what to install there; safe to repeat at any point. */
export async function* bootstrap(remote: Remote, installDir: string): AsyncIterable<BootstrapStep> {
  const there = await remote.call<{ node: string; chromium: string | null; version: string | null }>('probe', { installDir, browsers: BROWSERS });
  yield { step: 'node', text: `Node ${there.node} is there` };
  if (there.chromium === null) throw new DriverError('missing', 'there is no Chromium or Chrome on the PATH of that machine: install one there (for example: apt-get install chromium), or set TROUPE_CHROMIUM for its SSH sessions');
  yield { step: 'chromium', text: `Chromium is there: ${there.chromium}` };
  const bundle = workerBundle();
  if (there.version === bundle.version) {
    yield { step: 'done', text: `version ${bundle.version} is there already` };
    return;
  }
  const { archive, sha256 } = await bundle.pack();
  yield { step: 'bundle', text: `version ${bundle.version}: ${bundle.files} files, ${megabytes(archive.length)} packed` };
  const file = posix.join(installDir, `incoming-${randomBytes(8).toString('hex')}.tgz`);
  let sent = 0;
  const copying = remote.upload(file, archive, (bytes) => (sent = bytes));
  for (let told = 0; ; ) {
    const over = await Promise.race([copying.then(() => true), new Promise<false>((go) => setTimeout(go, 1000, false))]);
    if (over) break;
    if (sent > told) yield { step: 'copy', text: `${megabytes(sent)} of ${megabytes(archive.length)} copied` };
    told = sent;
  }
  yield { step: 'copy', text: `${megabytes(archive.length)} copied` };
  await remote.call('install', { installDir, archive: file, version: bundle.version, sha256, node: process.versions.node }, UNPACK_LIMIT_MS);
  yield { step: 'switch', text: `current leads to version ${bundle.version}` };
  yield { step: 'done', text: `ready for workers in ${posix.join(installDir, 'current')}` };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
