import type { V1Pod, V1Secret } from '@kubernetes/client-node';
import { DriverError, type Spec } from '../contract.ts';
import { checkImage, checkLabels, checkServiceAccount, LABEL, MANAGER, podName } from './names.ts';

export const CONTAINER = 'worker';
/** What the entry says when the command never ran: the first word tells a fault from the worker's own last words. */
export const ENTRY_FAULT = { cwd: 'troupe-cwd', spawn: 'troupe-spawn' } as const;
const ENV_DIR = '/troupe/env';
const RUN_DIR = '/troupe/run';
const LAST_WORDS = '/dev/termination-log';

// Constant: what varies comes as arguments and as a file, never as text of a program.
const ENTRY = `set -u
cd -- "$1" 2>/dev/null || { echo ${ENTRY_FAULT.cwd} > ${LAST_WORDS}; exit 126; }
set -a; . ${ENV_DIR}/env; set +a
command -v -- "$2" >/dev/null 2>&1 || { echo ${ENTRY_FAULT.spawn} > ${LAST_WORDS}; exit 127; }
shift
: > ${RUN_DIR}/started
exec "$@"`;

export type PodOptions = { namespace: string; image: string | null; runAsUser: number; graceSeconds: number; /** A profile of the nodes; null for the runtime's own. */ seccomp: string | null };

/** One pod a worker: it never restarts by itself, has no token of the cluster, no rights, and a root file system that it can't write. */
export function podManifest(spec: Spec, key: string, nonce: string, o: PodOptions): V1Pod {
  const { pod, limits } = spec;
  const image = checkImage(pod?.image ?? o.image ?? '');
  const name = podName(key);
  const amounts = limits && { memory: `${whole('limits.memoryMb', limits.memoryMb)}Mi`, cpu: `${Math.round(positive('limits.cpuCores', limits.cpuCores) * 1000)}m` };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: o.namespace, labels: { ...checkLabels('pod.labels', pod?.labels ?? {}, true), [LABEL.manager]: MANAGER, [LABEL.key]: key, [LABEL.nonce]: nonce } },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // The pause process takes up orphans, and the worker is not process 1, which TERM would not end by default.
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: o.graceSeconds,
      ...(pod?.serviceAccount ? { serviceAccountName: checkServiceAccount(pod.serviceAccount) } : {}),
      ...(pod?.nodeSelector ? { nodeSelector: checkLabels('pod.nodeSelector', pod.nodeSelector, false) } : {}),
      securityContext: { runAsNonRoot: true, runAsUser: o.runAsUser, runAsGroup: o.runAsUser, fsGroup: o.runAsUser, seccompProfile: o.seccomp === null ? { type: 'RuntimeDefault' } : { type: 'Localhost', localhostProfile: o.seccomp } },
      containers: [
        {
          name: CONTAINER,
          image,
          command: ['/bin/sh', '-c', ENTRY, 'troupe'],
          args: [spec.cwd, spec.command, ...spec.args].map(literal),
          ...(amounts ? { resources: { limits: amounts, requests: amounts } } : {}),
          securityContext: { allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          terminationMessagePath: LAST_WORDS,
          terminationMessagePolicy: 'File',
          startupProbe: { exec: { command: ['/bin/sh', '-c', `test -e ${RUN_DIR}/started`] }, periodSeconds: 1, failureThreshold: 60 },
          volumeMounts: [
            { name: 'env', mountPath: ENV_DIR, readOnly: true },
            { name: 'run', mountPath: RUN_DIR },
            { name: 'data', mountPath: '/data' },
            { name: 'tmp', mountPath: '/tmp' },
            { name: 'shm', mountPath: '/dev/shm' },
          ],
        },
      ],
      volumes: [
        { name: 'env', secret: { secretName: secretName(name, nonce), defaultMode: 0o440 } },
        { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
        { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '256Mi' } },
      ],
    },
  };
}

/** The environment, for the entry to read; it goes with its pod. */
export function secretManifest(spec: Spec, pod: V1Pod): V1Secret {
  const { name, namespace, uid, labels } = pod.metadata!;
  const nonce = labels![LABEL.nonce]!;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    immutable: true,
    metadata: {
      name: secretName(name!, nonce),
      namespace: namespace!,
      labels: { [LABEL.manager]: MANAGER, [LABEL.key]: labels![LABEL.key]! },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid!, blockOwnerDeletion: false, controller: false }],
    },
    data: { env: Buffer.from(envFile({ ...spec.env, TROUPE_NONCE: nonce })).toString('base64') },
  };
}

/** Lines that a POSIX shell reads back as they were: within single quotes nothing means anything. */
export function envFile(env: Record<string, string>): string {
  return Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DriverError('bad-spec', `env name ${JSON.stringify(name)}: must be letters, digits and underscores`);
    if (value.includes('\0')) throw new DriverError('bad-spec', `env ${name}: must not hold a NUL character`);
    return `${name}='${value.replaceAll("'", "'\\''")}'\n`;
  }).join('');
}

const secretName = (pod: string, nonce: string): string => `${pod}-${nonce.slice(0, 16)}`;

// Kubernetes replaces $(NAME) in arguments, and takes $$ for a dollar.
const literal = (text: string): string => {
  if (text.includes('\0')) throw new DriverError('bad-spec', 'command, args and cwd must not hold a NUL character');
  return text.replaceAll('$', '$$$$');
};

const positive = (field: string, n: number): number => {
  if (!(Number.isFinite(n) && n > 0)) throw new DriverError('bad-spec', `${field} ${n}: must be a number above 0`);
  return n;
};
const whole = (field: string, n: number): number => Math.round(positive(field, n));
