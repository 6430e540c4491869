import { UsageError } from '../verb.ts';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `60s`, `1.5h`, `250ms` in milliseconds. */
export function readSpan(flag: string, text: string): number {
  const [, n, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (!n) throw new UsageError(`${flag} ${JSON.stringify(text.slice(0, 40))}: must be a time like 60s, 5m or 1.5h`);
  return Math.round(Number(n) * UNITS[unit as keyof typeof UNITS]);
}

/** `+10m`, `18:30` (the next one, by the clock of this machine), or a date like `2026-12-01T08:00` or with a zone; epoch milliseconds. */
export function readMoment(flag: string, text: string, now: number): number {
  if (text.startsWith('+')) return now + readSpan(flag, text.slice(1));
  const [, h, m] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (h) {
    const at = new Date(now);
    at.setHours(Number(h), Number(m), 0, 0);
    if (at.getTime() <= now) at.setDate(at.getDate() + 1);
    return at.getTime();
  }
  const at = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text) ? Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`${flag} ${JSON.stringify(text.slice(0, 40))}: must be like +10m, 18:30 or 2026-12-01T08:00`);
  return at;
}

/** `3 min ago`, `in 2 h`: one figure. */
export function agoText(at: number, now: number): string {
  const s = Math.abs(now - at) / 1000;
  const text = s < 1 ? 'now' : s < 60 ? `${Math.floor(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86_400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} d`;
  return text === 'now' ? text : at > now ? `in ${text}` : `${text} ago`;
}

/** `1.2 s`, `3 min 5 s`. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
