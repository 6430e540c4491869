const passed = new Map<string, number>();
/** Read once: each turn passes here, and the environment is slow to ask. */
const [AT, NTH = '1'] = (process.env.TROUPE_CRASH_AT ?? '').split(':');

/** Kills this process with SIGKILL where TROUPE_CRASH_AT says `name`, or `name:n` for the n-th time. Tests prove with it that no instant is unsafe. */
export function crashPoint(name: string): void {
  if (AT !== name) return;
  const count = (passed.get(name) ?? 0) + 1;
  passed.set(name, count);
  if (count === Number(NTH)) process.kill(process.pid, 'SIGKILL');
}
