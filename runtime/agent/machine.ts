import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, cpus, freemem, hostname, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { MachineFacts } from '../../transport/protocol.ts';
import { findChromium } from '../browsers/find-chromium.ts';
import { packageRoot } from '../package-root.ts';

/** What this machine is. */
export async function machineFacts(dataDir: string): Promise<MachineFacts> {
  const root = packageRoot();
  const chromium = await findChromium().then((c) => c.version, () => null);
  return {
    host: hostname(),
    os: `${type()} ${release()}`,
    arch: arch(),
    cpus: cpus().length,
    memoryTotalBytes: totalmem(),
    version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    node: process.versions.node,
    chromium,
    place: { node: process.execPath, main: join(root, 'dist', 'runtime', 'main.js'), cwd: root, dataDir },
  };
}

/** How busy this machine is: CPU as a share of all cores since the last call, the rest in bytes. */
export function machineLoad(dir: string): () => Promise<{ cpuRatio: number; memoryFreeBytes: number; diskFreeBytes: number; diskTotalBytes: number }> {
  let before = cpuTimes();
  return async () => {
    const now = cpuTimes();
    const all = now.all - before.all;
    const cpuRatio = all > 0 ? Math.round((1 - (now.idle - before.idle) / all) * 1000) / 1000 : 0;
    before = now;
    const disk = await statfs(dir).catch(() => null);
    return { cpuRatio, memoryFreeBytes: freemem(), diskFreeBytes: disk ? disk.bavail * disk.bsize : 0, diskTotalBytes: disk ? disk.blocks * disk.bsize : 0 };
  };
}

function cpuTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, all };
}
