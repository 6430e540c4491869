import { createHash } from 'node:crypto';
import { isId } from '../../../transport/subjects.ts';
import { DriverError } from '../contract.ts';

export const LABEL = { key: 'troupe.dev/key', nonce: 'troupe.dev/nonce', manager: 'app.kubernetes.io/managed-by' } as const;
export const MANAGER = 'troupe';
const RESERVED = new Set<string>(Object.values(LABEL));

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const LABEL_TEXT = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const HOST = '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d{1,5})?';
const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const IMAGE = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`);

const shown = (text: unknown): string => JSON.stringify(String(text).slice(0, 80));
const refuse = (field: string, value: unknown, rule: string): never => {
  throw new DriverError('bad-spec', `${field} ${shown(value)}: ${rule}`);
};

/** The one name that a key's pod has; at most 63 characters, so that its host name is the same. */
export function podName(key: string): string {
  if (!isId(key) || !DNS_LABEL.test(key)) throw new DriverError('bad-key', `key ${shown(key)}: must be 1 to 63 of a-z, 0-9 and hyphens, starting and ending with a letter or digit`);
  const name = `troupe-${key}`;
  if (name.length <= 63) return name;
  return `${name.slice(0, 54)}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}

export function checkNamespace(namespace: string, allowed: readonly string[]): string {
  if (!DNS_LABEL.test(namespace)) refuse('pod.namespace', namespace, 'must be 1 to 63 of a-z, 0-9 and hyphens');
  if (!allowed.includes(namespace)) refuse('pod.namespace', namespace, `is not among the allowed ones (${allowed.join(', ')}); an admin may allow it`);
  return namespace;
}

export function checkImage(image: string): string {
  return image.length <= 512 && IMAGE.test(image) ? image : refuse('pod.image', image, 'must be an image reference like registry.example/team/troupe:1.2');
}

export function checkServiceAccount(name: string): string {
  return DNS_NAME.test(name) ? name : refuse('pod.serviceAccount', name, 'must be a DNS name');
}

/** Labels of an operator's own. Those by which we find our pods, and those that Kubernetes itself goes by, are not for a spec to set. */
export function checkLabels(field: string, labels: Record<string, string>, own: boolean): Record<string, string> {
  if (Object.keys(labels).length > 50) refuse(field, `${Object.keys(labels).length} entries`, 'must be at most 50');
  for (const [name, value] of Object.entries(labels)) {
    const slash = name.indexOf('/');
    const prefix = slash < 0 ? null : name.slice(0, slash);
    if (!LABEL_TEXT.test(name.slice(slash + 1)) || (prefix !== null && !DNS_NAME.test(prefix))) refuse(field, name, 'is no label name');
    if (value !== '' && !LABEL_TEXT.test(value)) refuse(`${field}.${name}`, value, 'must be at most 63 letters, digits, dots, hyphens and underscores');
    if (own && (RESERVED.has(name) || (prefix !== null && /(^|\.)(kubernetes\.io|k8s\.io)$/.test(prefix)))) refuse(field, name, 'is reserved: choose a prefix of your own');
  }
  return labels;
}
