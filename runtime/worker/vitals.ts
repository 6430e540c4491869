import { statfs } from 'node:fs/promises';
import { treeUsage } from './tree-usage.ts';

export type Vitals = { rssBytes: number; cpuRatio: number; diskFreeBytes?: number };

/**
 * What this process and its browsers use: CPU as a share of one core, memory and free disk in bytes.
 * It is measured beside the reports, every `everyMs` at most, so that no report waits for a busy machine.
 */
export function createVitals(dir: string, everyMs = 5000): () => Vitals {
  const usage = treeUsage(process.pid);
  let last: Vitals = { rssBytes: process.memoryUsage.rss(), cpuRatio: 0 };
  let measuredAt = -Infinity;
  let measuring = false;

  const measure = async (): Promise<void> => {
    const from = measuredAt;
    const used = await usage();
    const disk = await statfs(dir).catch(() => null);
    measuredAt = performance.now();
    const seconds = (measuredAt - from) / 1000;
    last = {
      rssBytes: used?.memory ?? process.memoryUsage.rss(),
      cpuRatio: used && Number.isFinite(seconds) ? Math.round((used.cpuSeconds / seconds) * 1000) / 1000 : 0,
      ...(disk ? { diskFreeBytes: disk.bavail * disk.bsize } : {}),
    };
  };

  return () => {
    if (!measuring && performance.now() - measuredAt >= everyMs * 0.9) {
      measuring = true;
      void measure().catch(() => undefined).finally(() => (measuring = false));
    }
    return last;
  };
}
