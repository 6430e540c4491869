import { readdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

type Place = { cores: number; totalBytes: number; /** Of its cgroup; absent or huge where there is none. */ limitBytes: number | undefined; list(dir: string): string[] };

/** What this machine is, as tasks ask for it: `cpu` (cores), `memory` (MB), `gpu` (devices; 0 for none). */
export function detectLabels(place: Place = here()): Record<string, string> {
  const { cores, totalBytes, limitBytes } = place;
  const bytes = limitBytes && limitBytes < totalBytes ? limitBytes : totalBytes;
  const nvidia = place.list('/dev').filter((n) => /^nvidia\d+$/.test(n)).length;
  const gpus = nvidia > 0 ? nvidia : place.list('/dev/dri').filter((n) => /^renderD\d+$/.test(n)).length;
  return { cpu: String(cores), memory: String(Math.round(bytes / 1_048_576)), gpu: String(gpus) };
}

const here = (): Place => ({
  cores: availableParallelism(),
  totalBytes: totalmem(),
  limitBytes: process.constrainedMemory?.(),
  list(dir) {
    try {
      return readdirSync(dir);
    } catch {
      return [];
    }
  },
});
