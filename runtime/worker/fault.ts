import { FAULTS, PlatformFault } from '../../platforms/contract.ts';
import type { Evidence, Fault } from '../../transport/protocol.ts';

/**
 * A fault of the worker itself. Kinds: fenced (the lease is gone), aborted (the master took it back), lost (an earlier
 * process had it), refused (bad input or leave denied), network (the master was not reached), proxy (the account's proxy fails, whatever the page looked like), timeout, unknown.
 */
export class WorkerFault extends Error {
  readonly kind: string;
  readonly sent: 'no' | 'maybe';
  constructor(kind: string, message: string, sent: 'no' | 'maybe' = 'no') {
    super(message);
    this.name = 'WorkerFault';
    this.kind = kind;
    this.sent = sent;
  }
}

const shown = new WeakMap<object, Evidence>();

/** Hands a failure on with what was kept of it. */
export function withEvidence(error: unknown, evidence: Evidence | null): unknown {
  if (!evidence) return error;
  const carrier = typeof error === 'object' && error !== null ? error : new Error(wordsOf(error));
  shown.set(carrier, evidence);
  return carrier;
}

/** Any error as the fault that its chart sees. `sent` is used where the error itself does not know. */
export function faultOf(error: unknown, sent: 'no' | 'maybe' = 'no'): Fault {
  const evidence = typeof error === 'object' && error !== null ? shown.get(error) : undefined;
  return { ...plainFault(error, sent), ...(evidence ? { evidence } : {}) };
}

function plainFault(error: unknown, sent: 'no' | 'maybe'): Fault {
  if (error instanceof WorkerFault) return { kind: error.kind, message: cap(error.message), sent: error.sent };
  if (isPlatformFault(error)) return { kind: error.kind, message: cap(error.message), sent: error.sent };
  const text = wordsOf(error);
  return { kind: /Timeout \d+ ?ms exceeded/.test(text) ? 'timeout' : 'unknown', message: cap(text), sent };
}

/** Also one of a plugin's own class; only the names of the contract count. */
function isPlatformFault(error: unknown): error is PlatformFault {
  if (error instanceof PlatformFault) return true;
  const e = error as Partial<PlatformFault> | null;
  return typeof e === 'object' && e !== null && e.name === 'PlatformFault' && (FAULTS as readonly unknown[]).includes(e.kind) && typeof e.message === 'string' && (e.sent === 'no' || e.sent === 'maybe');
}

/** Plugins throw anything. */
function wordsOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  if (typeof error === 'string') return error;
  try {
    return `it threw ${JSON.stringify(error) ?? String(error)}, which is no error`;
  } catch {
    return 'it threw something that is no error';
  }
}

const cap = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 500);
