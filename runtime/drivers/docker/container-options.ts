import type { ContainerCreateOptions } from 'dockerode';
import { isId } from '../../../transport/subjects.ts';
import { DriverError, type Spec } from '../contract.ts';
import { ENTRY } from './entry.ts';
import { isImageName } from './image-name.ts';
import { mountsOf, type MountRules } from './mounts.ts';

export type ContainerRules = { namespace: string; network: string; user: { uid: number; gid: number }; securityOpt: string[]; mounts: MountRules };
export type Labels = { 'troupe.key': string; 'troupe.nonce': string; 'troupe.namespace': string; 'troupe.started': string };

const MIN_MEMORY_MB = 64;

export const nameOf = (key: string): string => `troupe-${key}`;

/** What is asked of the daemon for a Spec: few rights, no secrets. Throws 'bad-key' or 'bad-spec' with the field and the fix. */
export function containerOptions(spec: Spec, key: string, nonce: string, startedAt: number, rules: ContainerRules): ContainerCreateOptions {
  check(spec, key);
  const { image, network, volumes, restartPolicy } = spec.container!;
  if (!isImageName(image)) throw bad('docker_image', image, 'must be an image name such as registry.example.com/troupe:1.2');
  if (restartPolicy !== undefined && restartPolicy !== 'no') throw bad('docker_restart_policy', restartPolicy, 'must be no: one supervisor decides, and that is the master');
  const joined = network ?? rules.network;
  if (joined === 'host' || joined.startsWith('container:') || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(joined)) throw bad('docker_network', joined, 'must be the name of a network of its own; never host or another container\'s');
  const { memoryMb, cpuCores } = spec.limits ?? {};
  if (memoryMb !== undefined && !(memoryMb >= MIN_MEMORY_MB)) throw bad('memory', memoryMb, `must be at least ${MIN_MEMORY_MB} MB`);
  if (cpuCores !== undefined && !(cpuCores >= 0.01)) throw bad('cpu_cores', cpuCores, 'must be at least 0.01');
  const labels: Labels = { 'troupe.key': key, 'troupe.nonce': nonce, 'troupe.namespace': rules.namespace, 'troupe.started': String(startedAt) };
  const memory = memoryMb === undefined ? {} : { Memory: Math.round(memoryMb * 1024 * 1024), MemorySwap: Math.round(memoryMb * 1024 * 1024) };
  return {
    name: nameOf(key),
    Image: image,
    Entrypoint: ['/bin/sh', '-c', ENTRY, 'troupe'],
    Cmd: [spec.cwd, spec.command, ...spec.args],
    User: `${rules.user.uid}:${rules.user.gid}`,
    Labels: labels,
    AttachStdin: false,
    Tty: false,
    HostConfig: {
      ...memory,
      ...(cpuCores === undefined ? {} : { NanoCpus: Math.round(cpuCores * 1e9) }),
      PidsLimit: 512,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true', ...rules.securityOpt],
      Privileged: false,
      NetworkMode: joined,
      RestartPolicy: { Name: 'no' },
      Mounts: mountsOf(volumes ?? [], rules.mounts),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

function check(spec: Spec, key: string): void {
  if (!isId(key)) throw new DriverError('bad-key', `key ${JSON.stringify(key.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit`);
  if (spec.container === undefined) throw new DriverError('bad-spec', 'docker_image is missing: name the image to run', { field: 'docker_image' });
  for (const [name, value] of Object.entries(spec.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DriverError('bad-spec', `env name ${JSON.stringify(name)}: must be letters, digits and underscores`);
    if (value.includes('\0')) throw new DriverError('bad-spec', `env ${name}: must not hold a NUL character`);
  }
  if ([spec.command, spec.cwd, ...spec.args].some((s) => s.includes('\0'))) throw new DriverError('bad-spec', 'command, args and cwd must not hold a NUL character');
  if (spec.command === '' || spec.command.startsWith('-')) throw bad('command', spec.command, 'must be a program, not an option');
  if (!spec.cwd.startsWith('/')) throw bad('working_directory', spec.cwd, 'must be an absolute path in the container');
}

const bad = (field: string, value: unknown, fix: string) => new DriverError('bad-spec', `${field} ${JSON.stringify(String(value).slice(0, 80))}: ${fix}`, { field });
