/** What a worker has found of its machine, as far as it may use it: only one that a driver started has been given limits. */
export function withinLimits(found: Record<string, string>, given: { cpu_cores: number; max_memory_mb: number } | null): Record<string, string> {
  if (given === null) return found;
  const least = (label: string | undefined, limit: number) => (Number(label) < limit ? label! : String(limit));
  return { ...found, cpu: least(found['cpu'], given.cpu_cores), memory: least(found['memory'], given.max_memory_mb) };
}
