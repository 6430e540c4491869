import { PlatformFault, type FaultKind } from '../contract.ts';

const RULES: readonly [RegExp, FaultKind][] = [
  [/net::ERR_(TIMED_OUT|CONNECTION_TIMED_OUT)|Timeout \d+ ?ms exceeded|timed out/i, 'timeout'],
  [/net::ERR_|ERR_|ECONN|ENOTFOUND|EAI_AGAIN|socket hang up/i, 'network'],
  [/selector|not found|strict mode violation/i, 'element-not-found'],
];

/** Any error as a fault with a name. `doing` says what was tried, in words for a person. */
export function asFault(error: unknown, doing: string, sent: 'no' | 'maybe' = 'no'): PlatformFault {
  if (error instanceof PlatformFault) return error;
  const text = error instanceof Error ? error.message : String(error);
  const kind = RULES.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown';
  return new PlatformFault(kind, `${doing}: ${firstLine(text)}`, sent);
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 300);
