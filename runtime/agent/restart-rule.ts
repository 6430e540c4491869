import type { RestartRule } from '../../transport/protocol.ts';

/** What the agent remembers of a worker's ends. Times in epoch ms. */
export type Crashes = {
  /** Every crash within the window. */
  at: number[];
  /** Crashes in a row that came before `minUptimeMs`. */
  fast: number;
};

export type Verdict = { is: 'restart'; afterMs: number; crashes: Crashes } | { is: 'leave'; why: string; failed: boolean; crashes: Crashes };

const LONGEST_MS = 300_000;
/** Ended as it meant to, or a configuration that no restart mends. */
const NO_CRASH = new Map([[0, 'it ended by itself (exit 0)'], [78, 'its configuration is bad (exit 78)']]);

/** What follows an end that nobody but the agent has seen. `code` is null where it was a signal or can't be known. */
export function afterExit(rule: RestartRule, before: Crashes, exit: { code: number | null; at: number; uptimeMs: number }): Verdict {
  const why = exit.code === null ? undefined : NO_CRASH.get(exit.code);
  if (why !== undefined) return { is: 'leave', why, failed: exit.code !== 0, crashes: { at: [], fast: 0 } };
  const crashes = {
    at: [...before.at.filter((t) => t > exit.at - rule.windowMs), exit.at],
    fast: exit.uptimeMs >= rule.minUptimeMs ? 1 : before.fast + 1,
  };
  if (!rule.auto) return { is: 'leave', why: 'auto_restart is off', failed: true, crashes };
  if (crashes.at.length > rule.maxAttempts) return { is: 'leave', why: `${crashes.at.length} crashes within ${Math.round(rule.windowMs / 60_000)} min`, failed: true, crashes };
  return { is: 'restart', afterMs: Math.min(rule.delayMs * 2 ** (crashes.fast - 1), LONGEST_MS), crashes };
}
