import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { SshDriver } from '../../runtime/drivers/ssh/ssh-driver.ts';
import { driverCases } from '../contracts/driver.case.ts';
import { noSshd, pins, sshServer, type SshServer } from './ssh-server.ts';

describe('over a real sshd', () => {
  if (noSshd !== null) return void it('needs a server', (t) => t.skip(noSshd!));
  let server: SshServer;
  beforeAll(async () => {
    server = await sshServer();
  });
  afterAll(() => server.close());

  driverCases('ssh', async () => {
    const installDir = join(server.dir, 'install');
    const made: SshDriver[] = [];
    return {
      make: () => {
        const driver = new SshDriver({ ...server.target, hostKeys: pins({ [`127.0.0.1:${server.port}`]: server.fingerprint() }), installDir, pollMs: 50 });
        made.push(driver);
        return driver;
      },
      adoptedExit: { code: null, signal: 'SIGTERM' },
      close: async () => {
        for (const driver of made) await driver.close();
        rmSync(installDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      },
    };
  });
});
