import { getRequestListener } from '@hono/node-server';
import { createServer, type Server } from 'node:http';

type Fetch = Parameters<typeof getRequestListener>[0];

/**
 * Serves on one port. Slow clients are cut off: 10 s for the headers, 30 s for a whole request, 16 KiB of headers.
 * A connection above `maxSockets` is closed unheard; those that are open go on.
 */
export async function listen(fetch: Fetch, host: string, port: number, maxSockets: number): Promise<Server> {
  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 1000 }, getRequestListener(fetch));
  server.maxConnections = maxSockets;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? Object.assign(new Error(`port ${port} on ${host} is in use: set PORT (or LISTEN) to a free one`), { exitCode: 78 }) : error));
    server.listen(port, host, resolve);
  });
  return server;
}
