/** Addresses of this machine and of its own network, as Chromium's host rules name them: `host`, or `[ipv6]:port`. */
const PRIVATE = [
  'localhost', '*.localhost', '*.local', '*.internal', '0.*', '127.*', '10.*', '192.168.*', '169.254.*',
  ...Array.from({ length: 16 }, (_, n) => `172.${16 + n}.*`),
  '[::]:*', '[::1]:*', '[::ffff:*', '[fc*', '[fd*', '[fe80:*',
];

/**
 * Keeps pages off this machine and its network, below everything that a page can do: fetch, images, redirects, web sockets.
 * `allow` are the `host:port` pairs that stay reachable; `door` is a name, known to nobody else, for this machine's own proxy doors.
 * A public name whose owner lets it resolve to a private address is not held back.
 */
export function walls(allow: readonly string[], door: string): string {
  const rules = [`MAP ${door} 127.0.0.1`, ...allow.map((at) => `MAP ${at} ${at}`), ...PRIVATE.map((host) => `MAP ${host} ~NOTFOUND`)];
  return `--host-resolver-rules=${rules.join(', ')}`;
}

/** The `host:port` of an address. */
export function hostPort(address: string): string {
  const { hostname, port, protocol } = new URL(address);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
