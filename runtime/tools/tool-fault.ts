/**
 * Why a tool failed. Kinds: invalid (the arguments), unknown-tool, refused (not allowed here), element-not-found, timeout,
 * navigation, crashed (page or browser gone), cancelled, tool-failed (all else). The message names the tool and what to do.
 */
export class ToolFault extends Error {
  readonly kind: string;
  readonly field: string | null;
  constructor(kind: string, message: string, field: string | null = null) {
    super(message);
    this.name = 'ToolFault';
    this.kind = kind;
    this.field = field;
  }
}

const RULES: readonly [RegExp, string, (tool: string, text: string) => string][] = [
  [/strict mode violation: .* resolved to (\d+) elements/, 'element-not-found', (tool, text) => `${tool}: ${/resolved to (\d+) elements/.exec(text)![1]} elements match: give nth (0 is the first), or a narrower selector`],
  [/aria-ref/i, 'element-not-found', (tool) => `${tool}: this ref is not in the last snapshot: take a new snapshot and use one of its refs`],
  [/(crashed|Target page, context or browser has been closed|browser has been closed|Page closed|Frame was detached)/i, 'crashed', (tool) => `${tool}: the page is gone: open the window again`],
  [/net::(ERR_[A-Z_]+)/, 'navigation', (tool, text) => `${tool}: the address can't be reached (${/net::(ERR_[A-Z_]+)/.exec(text)![1]})${/ERR_NAME_NOT_RESOLVED/.test(text) ? ': its name is unknown, or it is on this network, which windows may not reach' : ''}`],
  [/(is not a valid selector|Unexpected token .* while parsing|Unknown engine|Unsupported token)/i, 'invalid', (tool, text) => `${tool}: the selector can't be read: ${text}`],
  [/Timeout \d+ ?ms exceeded/i, 'timeout', (tool, text) => `${tool}: ${text}`],
];

/** Any error of a tool as a fault that names it. */
export function toolFault(tool: string, error: unknown): ToolFault {
  if (error instanceof ToolFault) return error;
  const text = firstLine(error instanceof Error ? error.message : String(error));
  const rule = RULES.find(([pattern]) => pattern.test(error instanceof Error ? error.message : text));
  return rule ? new ToolFault(rule[1], rule[2](tool, error instanceof Error ? error.message.slice(0, 2000) : text).split('\n')[0]!.slice(0, 500)) : new ToolFault('tool-failed', `${tool}: ${text}`);
}

// Playwright colours its texts and puts its call log below.
const firstLine = (text: string): string => (text.replace(/\u001b\[\d+m/g, '').split('\n', 1)[0] ?? '').replace(/^[\w.]+: (?=\S)/, '').slice(0, 400);
