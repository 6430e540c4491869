const passed = new Map<string, number>();

/** Kills this process with SIGKILL where TROUPE_CRASH_AT says `name`, or `name:n` for the n-th time. Tests prove with it that no instant is unsafe. */
export function crashPoint(name: string): void {
  const [at, nth = '1'] = (process.env.TROUPE_CRASH_AT ?? '').split(':');
  if (at !== name) return;
  const count = (passed.get(name) ?? 0) + 1;
  passed.set(name, count);
  if (count === Number(nth)) process.kill(process.pid, 'SIGKILL');
}
