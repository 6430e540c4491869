import { z } from 'zod';

/** What can happen to one posted reply. `-after` modes store it first: only the ledger knows. */
export const postModes = ['ok', 'slow', 'rate-limit', 'fail-before', 'fail-after', 'hang-after', 'reset-before', 'reset-after'] as const;
export type PostMode = (typeof postModes)[number];

/**
 * `pattern` is cycled through over the coming posts; with `seed` the order is shuffled, the same for the same seed.
 * After `count` posts the plan is over; without it, it goes on until replaced.
 */
export const planInput = z.object({
  pattern: z.array(z.enum(postModes)).min(1).max(100),
  count: z.number().int().min(1).nullable().default(null),
  seed: z.number().int().nullable().default(null),
});
export type Plan = z.infer<typeof planInput>;

export const moodInput = z.object({
  slowMs: z.number().int().min(0).max(120_000),
  challenge: z.enum(['none', 'slider', 'sms']),
  markup: z.enum(['v1', 'v2']),
  qrMs: z.number().int().min(500).max(600_000),
  sessionMs: z.number().int().min(1000).max(31_536_000_000),
});
export type Mood = z.infer<typeof moodInput>;

const WEEK = 7 * 24 * 3_600_000;

/** How the site behaves now. Kept in memory: a restarted site is in a good mood. */
export function createMoods(initial: Partial<Mood> = {}) {
  let mood: Mood = { slowMs: 0, challenge: 'none', markup: 'v1', qrMs: 60_000, sessionMs: WEEK, ...initial };
  let plan: Plan | null = null;
  let taken = 0;
  return {
    get: (): Mood => mood,
    set: (next: Partial<Mood>) => void (mood = { ...mood, ...next }),
    plan: () => (plan ? { ...plan, taken } : null),
    setPlan(next: Plan | null) {
      plan = next;
      taken = 0;
    },
    /** The mode of the next post. */
    next(): PostMode {
      if (!plan || (plan.count !== null && taken >= plan.count)) return 'ok';
      const n = taken++;
      const at = plan.seed === null ? n : Math.floor(noise(plan.seed, n) * plan.pattern.length);
      return plan.pattern[at % plan.pattern.length] ?? 'ok';
    },
  };
}
export type Moods = ReturnType<typeof createMoods>;

/** A number in [0, 1) that depends on seed and n alone (mulberry32). */
function noise(seed: number, n: number): number {
  let t = (seed + Math.imul(n + 1, 0x6d2b79f5)) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
