import type { NatsConnection } from '@nats-io/nats-core';
import type { WorkerConfig } from '../../machines/worker.ts';
import type { Config } from '../config.ts';
import { DriverError, type Driver } from './contract.ts';
import { openLocalDriver } from './open-local-driver.ts';
import { authId, type HostKeys } from './ssh/target.ts';

export type DriversOptions = {
  config: Config;
  /** Tells our containers from those of another Troupe. */
  installation: string;
  nc: NatsConnection;
  hostKeys: HostKeys;
  /** A private key of the key store, opened. */
  key(id: string): Promise<{ privateKey: string; passphrase: string | null } | null>;
  /** A sealed value by its reference. */
  open(reference: string): Promise<string | null>;
};

/** The driver for each worker, made when first asked for: what isn't used is not loaded. */
export class Drivers {
  readonly local;
  private readonly o: DriversOptions;
  private readonly made = new Map<string, { driver: Driver<any>; close?(): Promise<void> | void }>();

  constructor(options: DriversOptions) {
    this.o = options;
    this.local = openLocalDriver(options.config);
  }

  async of(c: WorkerConfig): Promise<Driver<any>> {
    switch (c.deployment_type) {
      case 'local':
        return this.local;
      case 'remote':
        return this.ssh(c);
      case 'docker':
        return this.once(`docker ${c.docker_host ?? ''}`, async () => {
          const { DockerDriver } = await import('./docker/docker-driver.ts');
          return { driver: new DockerDriver({ docker: dockerAt(c.docker_host), namespace: this.o.installation, allowedMounts: this.o.config.dockerMounts }) };
        });
      case 'k8s':
        return this.once(`k8s ${c.k8s_namespace ?? ''}`, async () => {
          const { K8sDriver } = await import('./k8s/k8s-driver.ts');
          const { k8s } = this.o.config;
          return { driver: new K8sDriver({ namespace: c.k8s_namespace ?? k8s.namespaces[0]!, allowedNamespaces: k8s.namespaces, kubeconfig: k8s.kubeconfig, seccomp: k8s.seccomp }) };
        });
      case 'agent':
        return this.once(`agent ${c.machine}`, async () => {
          const { AgentDriver } = await import('./agent/agent-driver.ts');
          return { driver: new AgentDriver({ nc: this.o.nc, machine: c.machine! }) };
        });
    }
  }

  async close(): Promise<void> {
    for (const { close } of this.made.values()) await close?.();
    this.made.clear();
  }

  private async ssh(c: WorkerConfig): Promise<Driver<any>> {
    if (!c.ssh_host || !c.ssh_user) throw new DriverError('bad-spec', 'it was started by hand: to start it from here, give it a machine (SSH, agent, Docker or Kubernetes) in its configuration');
    const auth = await this.auth(c);
    return this.once(`ssh ${c.ssh_user}@${c.ssh_host}:${c.ssh_port} ${c.ssh_directory} ${authId(auth)}`, async () => {
      const { SshDriver } = await import('./ssh/ssh-driver.ts');
      const driver = new SshDriver({ host: c.ssh_host!, port: c.ssh_port, user: c.ssh_user!, auth, hostKeys: this.o.hostKeys, installDir: c.ssh_directory });
      return { driver, close: () => driver.close() };
    });
  }

  private async auth(c: WorkerConfig): Promise<{ privateKey: string; passphrase?: string } | { password: string }> {
    if (c.ssh_key_id) {
      const key = await this.o.key(c.ssh_key_id);
      if (!key) throw new DriverError('auth', `ssh_key_id: there is no key ${c.ssh_key_id} in the key store; add it, or choose another`);
      return { privateKey: key.privateKey, ...(key.passphrase ? { passphrase: key.passphrase } : {}) };
    }
    const password = c.ssh_password && (await this.o.open(c.ssh_password));
    if (!password) throw new DriverError('auth', 'ssh_key_id: a key or a password is needed');
    return { password };
  }

  private async once(name: string, make: () => Promise<{ driver: Driver<any>; close?(): Promise<void> | void }>): Promise<Driver<any>> {
    const there = this.made.get(name);
    if (there) return there.driver;
    const made = await make();
    // Another caller may have been quicker.
    const first = this.made.get(name) ?? made;
    this.made.set(name, first);
    return first.driver;
  }
}

function dockerAt(host: string | null): { socketPath: string } | { host: string; port: number } {
  const url = host ? new URL(host) : null;
  return !url || url.protocol === 'unix:' ? { socketPath: url?.pathname ?? '/var/run/docker.sock' } : { host: url.hostname, port: Number(url.port || 2375) };
}
