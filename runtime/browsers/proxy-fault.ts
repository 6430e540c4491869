import { faultOf, withEvidence, WorkerFault } from '../worker/fault.ts';
import type { ProxySpec } from './proxy-door.ts';

/** These know better what happened than any proxy does. */
const KNOWN = ['fenced', 'aborted', 'lost', 'refused', 'rate-limited'];

/** An error of work that went out by a proxy: the proxy's own where it failed meanwhile. What may have been sent, may have been sent. */
export function proxyFault(error: unknown, spec: ProxySpec, said: string | null): unknown {
  if (said === null || !spec) return error;
  const { kind, sent, evidence } = faultOf(error);
  return KNOWN.includes(kind) ? error : withEvidence(new WorkerFault('proxy', `the proxy ${spec.server} fails: ${said}`, sent), evidence ?? null);
}
