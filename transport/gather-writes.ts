import type { NatsConnection } from '@nats-io/nats-core';

type Socket = { cork(): void; uncork(): void };
type Protocol = { flushPending(): void; transport?: { socket?: Partial<Socket> } };

/**
 * The client writes once for each chain of promises that publishes something. Hundreds of those run in one turn of the event loop under load:
 * their writes leave as one at its end. Reaches into the client (see ADR 0019); where it looks otherwise, it is left as it is.
 */
export function gatherWrites(nc: NatsConnection): void {
  const protocol = (nc as unknown as { protocol?: Protocol }).protocol;
  if (typeof protocol?.flushPending !== 'function' || typeof protocol.transport?.socket?.cork !== 'function') return;
  const flush = protocol.flushPending.bind(protocol);
  let corked = false;
  protocol.flushPending = () => {
    // Each reconnect has a socket of its own.
    const socket = protocol.transport?.socket as Socket | undefined;
    if (!corked && socket) {
      corked = true;
      socket.cork();
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    }
    flush();
  };
}
