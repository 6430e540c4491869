import { PlatformFault } from '../../platforms/contract.ts';
import type { Fault } from '../../transport/protocol.ts';

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

/** Any error as the fault that its chart sees. `sent` is used where the error itself does not know. */
export function faultOf(error: unknown, sent: 'no' | 'maybe' = 'no'): Fault {
  if (error instanceof WorkerFault || error instanceof PlatformFault) return { kind: error.kind, message: cap(error.message), sent: error.sent };
  const text = error instanceof Error ? error.message : String(error);
  return { kind: /Timeout \d+ ?ms exceeded/.test(text) ? 'timeout' : 'unknown', message: cap(text), sent };
}

const cap = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 500);
