import { createHmac } from 'node:crypto';
import type { SinkConfig, SinkMessage } from '../../machines/sink.ts';

/** A message that did not arrive; `kind` is for programs. */
export class NotDelivered extends Error {
  readonly kind: 'timeout' | 'unreachable' | 'refused';
  constructor(kind: NotDelivered['kind'], message: string) {
    super(message);
    this.name = 'NotDelivered';
    this.kind = kind;
  }
}

const LIMIT_MS = 10_000;
export type Opened = { secret: string | null; password: string | null };

/** What a webhook gets: the same bytes for the same message, however often it is tried. */
export const webhookBody = (m: SinkMessage): string =>
  m.notice ? JSON.stringify({ id: m.id, event: 'notifications', rule: m.notice.rule, severity: m.severity, text: m.text, items: m.notice.items.map(({ at, ...n }) => ({ ...n, at: new Date(at).toISOString() })), more: m.notice.more, at: new Date(m.at).toISOString() }) : JSON.stringify({ id: m.id, alert: m.alert, name: m.name, status: m.what, severity: m.severity, text: m.text, breaching: m.breaching, at: new Date(m.at).toISOString(), ...(m.test ? { test: true } : {}) });

/** `t=<epoch seconds>,v1=<HMAC-SHA256 of "<t>.<body>" in hex>`. */
export const signature = (secret: string, body: string, seconds: number): string => `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;

/** Hands a message to one sink. Throws NotDelivered with words for an operator, never with a secret. */
export async function postAlert(config: SinkConfig, message: SinkMessage, opened: Opened, limitMs = LIMIT_MS): Promise<void> {
  if (config.type === 'webhook') return postWebhook(config, message, opened.secret ?? '', limitMs);
  return sendMail(config, message, opened.password, limitMs);
}

async function postWebhook({ url }: SinkConfig, message: SinkMessage, secret: string, limitMs: number): Promise<void> {
  const body = webhookBody(message);
  const seconds = Math.floor(Date.now() / 1000);
  let response: Response;
  try {
    response = await fetch(url!, { method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(limitMs), headers: { 'Content-Type': 'application/json', 'User-Agent': 'Troupe', 'X-Troupe-Event': message.id, 'X-Troupe-Signature': signature(secret, body, seconds) } });
    await response.body?.cancel();
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') throw new NotDelivered('timeout', `no answer within ${limitMs / 1000} s`);
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    throw new NotDelivered('unreachable', `it can't be reached: ${cause?.code ?? cause?.message ?? (error as Error).message}`);
  }
  if (!response.ok) throw new NotDelivered('refused', `it answered ${response.status}`);
}

async function sendMail(c: SinkConfig, m: SinkMessage, password: string | null, limitMs: number): Promise<void> {
  // Loaded when first used: most masters never send mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: c.host!, port: c.port, secure: c.security === 'tls', requireTLS: c.security === 'starttls', ignoreTLS: c.security === 'none',
    ...(c.user ? { auth: { user: c.user, pass: password ?? '' } } : {}), connectionTimeout: limitMs, greetingTimeout: limitMs, socketTimeout: limitMs, disableFileAccess: true, disableUrlAccess: true,
  });
  let timer!: NodeJS.Timeout;
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new NotDelivered('timeout', `no answer within ${(2 * limitMs) / 1000} s`)), 2 * limitMs)));
  try {
    const sent = transport.sendMail({ from: c.from!, to: c.to, subject: subjectOf(m), text: mailText(m), messageId: `<${m.id}@troupe>` });
    sent.catch(() => undefined);
    await Promise.race([sent, late]);
  } catch (error) {
    if (error instanceof NotDelivered) throw error;
    const { code, responseCode } = error as { code?: string; responseCode?: number };
    if (code === 'EAUTH') throw new NotDelivered('refused', `${c.host} refused the user ${c.user}`);
    if (responseCode) throw new NotDelivered('refused', `${c.host} answered ${responseCode}`);
    throw new NotDelivered(code === 'ETIMEDOUT' ? 'timeout' : 'unreachable', `${c.host}:${c.port}: ${code ?? 'it failed'}`);
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

const subjectOf = (m: SinkMessage): string => (m.notice ? m.name : `${m.what === 'resolved' ? 'Over' : m.severity === 'critical' ? 'Critical' : 'Alert'}: ${m.name}`).replace(/\s+/g, ' ').slice(0, 150);

const mailText = (m: SinkMessage): string =>
  m.notice ? [...m.notice.items.map((n) => `${new Date(n.at).toISOString()}  ${n.accountName ? `[${n.accountName}] ` : ''}${n.title}: ${n.content}`), ...(m.notice.more > 0 ? [`… ${m.notice.more} more`] : []), '', `Rule ${m.notice.rule}`, `Event ${m.id}`].join('\n') :
  [m.text, '', ...m.breaching.filter((b) => b.subject !== '-').map((b) => `${b.subject}: ${Number(b.value.toPrecision(4))}`), '', `${m.name} (${m.alert}), ${m.severity}, ${new Date(m.at).toISOString()}`, `Event ${m.id}`].join('\n');
