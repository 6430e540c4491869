import { rmSync } from 'node:fs';
import { afterAll, describe, it } from 'vitest';
import { DockerDriver } from '../../runtime/drivers/docker/docker-driver.ts';
import { driverCases } from '../contracts/driver.case.ts';
import { dockerServer, IMAGE, livesInside, openFolder } from './docker-server.ts';

const server = await dockerServer();

describe('in a real dockerd', () => {
  if (typeof server === 'string') return void it('needs a daemon', (t) => t.skip(server));
  afterAll(() => server.close());

  driverCases('docker', async () => {
    const dir = openFolder();
    return {
      dir,
      make: () => new DockerDriver({ docker: { socketPath: server.socketPath }, namespace: 'test', allowedMounts: [dir], network: 'none', pollMs: 50 }),
      more: { container: { image: IMAGE, volumes: [`${dir}:${dir}`] } },
      alive: livesInside,
      // The first process of a container takes no TERM that it has no handler for.
      adoptedExit: { code: 137, signal: null },
      close: async () => rmSync(dir, { recursive: true, force: true }),
    };
  });
});
