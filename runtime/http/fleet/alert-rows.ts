import { METRICS, type MetricName } from '../../../actors/alert.ts';
import type { AlertLine, SinkLine } from '../../../views/alerts.ts';
import type { AlertRow, SinkRow } from '../../read-model/queries/alerts.ts';

const PAGES: Record<string, string> = { worker: '/workers', account: '/accounts' };

export const unitOf = (metric: string): string => METRICS[metric as MetricName]?.unit ?? '';

export function alertLine(a: AlertRow): AlertLine {
  const page = PAGES[METRICS[a.rule.metric as MetricName]?.of ?? ''];
  return {
    id: a.id, name: a.name, status: a.status, severity: a.severity, builtin: a.builtin, sinceMs: a.status === 'resolved' ? a.resolvedMs : a.sinceMs, snoozedMs: a.snoozedMs, acknowledgedBy: a.acknowledgedBy, history: a.history, error: a.error,
    rule: { metric: a.rule.metric, unit: unitOf(a.rule.metric), op: a.rule.op, threshold: a.rule.threshold, clear: a.rule.clear, forSeconds: a.rule.for_seconds, repeatMinutes: a.rule.repeat_minutes, only: a.rule.only },
    breaching: a.breaching.map((b) => ({ ...b, href: page && b.subject !== '-' ? `${page}/${b.subject}` : null })),
  };
}

/** Where it goes, without what is secret: a webhook's path may be one. */
export function sinkTarget({ config: c }: SinkRow): string {
  if (c.type === 'email') return `${c.to.join(', ')} · ${c.host}:${c.port}`;
  const url = new URL(c.url!);
  return `${url.origin}${url.pathname.length > 1 ? '/…' : '/'}`;
}

export const sinkLine = (s: SinkRow): SinkLine => ({ id: s.id, name: s.name, type: s.type, to: sinkTarget(s), least: s.config.least, enabled: s.enabled, status: s.status, kept: s.kept, sent: s.sent, dropped: s.dropped, error: s.error, lastSentMs: s.lastSentMs, nextMs: s.nextMs });
