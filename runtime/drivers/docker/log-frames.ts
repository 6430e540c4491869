export type LogLine = { at: bigint; text: string };

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/;

/** Lines of a multiplexed log with timestamps, in order. `at` is in nanoseconds since 1970; long lines that the daemon cut are whole again. */
export function linesOf(log: Buffer): LogLine[] {
  const lines: LogLine[] = [];
  const open = new Map<number, LogLine>();
  for (const { stream, body } of frames(log)) {
    const text = body.toString('utf8');
    const stamp = STAMP.exec(text);
    const rest = stamp ? text.slice(stamp[0].length) : text;
    const line = open.get(stream) ?? { at: stamp ? nanoseconds(stamp) : 0n, text: '' };
    line.text += rest;
    if (rest.endsWith('\n')) {
      open.delete(stream);
      lines.push({ at: line.at, text: line.text.replace(/\r?\n$/, '') });
    } else open.set(stream, line);
  }
  // What a process wrote last without a line's end.
  for (const line of open.values()) if (line.text !== '') lines.push(line);
  return lines;
}

/** Frames of the daemon's stream format: a stream number, three zeros, a length, the body. A cut one at the end is left out. */
function* frames(log: Buffer): Iterable<{ stream: number; body: Buffer }> {
  for (let at = 0; at + 8 <= log.length; ) {
    const size = log.readUInt32BE(at + 4);
    if (at + 8 + size > log.length) return;
    yield { stream: log[at]!, body: log.subarray(at + 8, at + 8 + size) };
    at += 8 + size;
  }
}

function nanoseconds([, seconds, fraction = '', zone]: RegExpExecArray): bigint {
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
