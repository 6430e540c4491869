import { startSite } from './start-site.ts';

const port = Number(process.env.SANDBOX_PORT ?? 3900);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`SANDBOX_PORT is "${process.env.SANDBOX_PORT}": give a number from 0 to 65535`);
  process.exit(78);
}
const site = await startSite({ port, dataDir: process.env.SANDBOX_DIR ?? 'data/sandbox' }).catch((error: Error) => {
  console.error(`The sandbox site can't start on port ${port}: ${error.message}. Set SANDBOX_PORT to a free port.`);
  process.exit(1);
});
console.log(`sandbox site: ${site.url}`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void site.stop().then(() => process.exit(0)));
