import { statfs } from 'node:fs/promises';

/** What this process used since it was last asked: CPU as a share of one core, memory and free disk in bytes. */
export function createVitals(dir: string) {
  let cpu = process.cpuUsage();
  let at = performance.now();
  return async (): Promise<{ rssBytes: number; cpuRatio: number; diskFreeBytes?: number }> => {
    const used = process.cpuUsage(cpu);
    const now = performance.now();
    const cpuRatio = now > at ? (used.user + used.system) / 1000 / (now - at) : 0;
    cpu = process.cpuUsage();
    at = now;
    const disk = await statfs(dir).catch(() => null);
    return { rssBytes: process.memoryUsage.rss(), cpuRatio: Math.round(cpuRatio * 1000) / 1000, ...(disk ? { diskFreeBytes: disk.bavail * disk.bsize } : {}) };
  };
}
