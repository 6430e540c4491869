import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';

export type Line = { delayMs?: number; jitterMs?: number; bytesPerSecond?: number };

/** A bad line: everything comes late and slowly, in order, in both directions. `line` may change on the way. */
export async function tcpProxy(listen: { host: string; port: number }, to: { host: string; port: number }, line: Line) {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const carry = (from: Socket, into: Socket): void => {
    let last = 0;
    from.on('data', (chunk: Buffer) => {
      const { delayMs = 0, jitterMs = 0, bytesPerSecond = Infinity } = line;
      const late = performance.now() + delayMs + (Math.random() * 2 - 1) * jitterMs;
      // Bytes keep their order, and each takes its time on the line.
      last = Math.max(late, last) + (chunk.length / bytesPerSecond) * 1000;
      setTimeout(() => into.writable && into.write(chunk), last - performance.now());
    });
    from.on('close', () => setTimeout(() => into.destroy(), Math.max(0, last - performance.now()) + 1));
    from.on('error', () => into.destroy());
  };
  const server = createServer((near) => {
    accepted++;
    const far = connect(to);
    for (const s of [near, far]) {
      sockets.add(s);
      s.setNoDelay(true);
      s.once('close', () => sockets.delete(s));
    }
    carry(near, far);
    carry(far, near);
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  return {
    /** Connections since the start. */
    accepted: () => accepted,
    async close(): Promise<void> {
      for (const s of sockets) s.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
