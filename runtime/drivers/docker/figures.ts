/** What the daemon says about a container's use; any part of it may be absent or empty. */
export type RawStats = {
  cpu_stats?: { cpu_usage?: { total_usage?: number; percpu_usage?: number[] | null }; system_cpu_usage?: number; online_cpus?: number };
  memory_stats?: { usage?: number; stats?: Record<string, number> };
  pids_stats?: { current?: number };
};

/** CPU between two looks as a share of one core; 0 where there is nothing to compare with. */
export function cpuRatio(now: RawStats, before: RawStats | undefined): number {
  const used = (now.cpu_stats?.cpu_usage?.total_usage ?? NaN) - (before?.cpu_stats?.cpu_usage?.total_usage ?? NaN);
  const passed = (now.cpu_stats?.system_cpu_usage ?? NaN) - (before?.cpu_stats?.system_cpu_usage ?? NaN);
  const cores = now.cpu_stats?.online_cpus || now.cpu_stats?.cpu_usage?.percpu_usage?.length || 1;
  const ratio = (used / passed) * cores;
  return passed > 0 && used > 0 && Number.isFinite(ratio) ? ratio : 0;
}

/** Memory in use without the page cache that the kernel gives back when asked. */
export function memoryBytes(now: RawStats): number {
  const usage = now.memory_stats?.usage ?? 0;
  const stats = now.memory_stats?.stats;
  // The first name is of cgroup v1, the second of v2.
  const cache = stats?.['total_inactive_file'] ?? stats?.['inactive_file'] ?? 0;
  return Math.max(0, usage - (cache < usage ? cache : 0));
}
