/** Where a delivered message stands: in its stream, and among what its consumer has delivered. `at` is when it was stored, in epoch milliseconds. */
export type Delivered = { consumer: string; seq: number; consumerSeq: number; at: number };

/** Reads the reply subject of a delivered message: `$JS.ACK.<stream>.<consumer>.<times>.<seq>.<consumer seq>.<ns>.<pending>`, or the longer form with domain and account. */
export function readAckReply(reply: string): Delivered {
  const t = reply.split('.');
  const first = t.length > 9 ? 5 : 3;
  return { consumer: t[first]!, seq: Number(t[first + 2]), consumerSeq: Number(t[first + 3]), at: Math.floor(Number(t[first + 4]) / 1e6) };
}
