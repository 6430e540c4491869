// Says by its exit code whether a part of Troupe is well: `node probe.mjs http://127.0.0.1:3000/readyz`, or `node probe.mjs master`.
const [what] = process.argv.slice(2);
const LIMIT_MS = 4000;

const page = async (url) => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS), redirect: 'manual' });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
};

/** A master has no port of its own: it is asked over NATS, as `up` asks it. */
const master = async () => {
  const [{ connect }, { loadConfig }, { natsLogin }] = await Promise.all([import('@nats-io/transport-node'), import('../dist/runtime/config.js'), import('../dist/runtime/nats-login.js')]);
  const nc = await connect({ ...natsLogin(loadConfig(process.env), 'operator'), reconnect: false, timeout: LIMIT_MS });
  try {
    await nc.request('$SRV.PING.troupe', '', { timeout: LIMIT_MS });
  } finally {
    await nc.close();
  }
};

try {
  await (what === 'master' ? master() : page(what));
} catch (error) {
  console.error(`${what}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
