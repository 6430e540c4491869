import type { LogPage } from '../contract.ts';

/** Lines with the API's own times in front: the last `tail` of them, those after `since` (epoch microseconds) when given. */
export function linesSince(text: string, tail: number, since: number | undefined): LogPage {
  let next = since ?? 0;
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/.exec(line);
    if (!found) {
      // A part of the line before it: a carriage return or the like.
      if (line !== '' && lines.length > 0) lines.push(line);
      continue;
    }
    const at = Date.parse(`${found[1]}${found[3]}`) * 1000 + Number((found[2] ?? '').padEnd(9, '0').slice(0, 6));
    if (since !== undefined && at <= since) continue;
    next = Math.max(next, at);
    lines.push(line.slice(found[0].length));
  }
  return { lines: tail > 0 ? lines.slice(-tail) : [], next };
}
