import * as k8s from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { documents } from './manifests.ts';

type Model = { getAttributeTypeMap(): { name: string; baseName: string; type: string }[] };
const models = k8s as unknown as Record<string, Model | undefined>;

/** Fields that the API doesn't know, and values of the wrong shape, as the client's own models describe them. */
function faults(value: unknown, type: string, at: string): string[] {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) return Array.isArray(value) ? value.flatMap((v, i) => faults(v, list, `${at}[${i}]`)) : [`${at}: must be a list`];
  const each = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (each !== undefined) return isObject ? Object.entries(value).flatMap(([k, v]) => faults(v, each, `${at}.${k}`)) : [`${at}: must be a map`];
  if (type === 'string' || type === 'number' || type === 'boolean') return typeof value === type ? [] : [`${at}: must be a ${type}, not ${JSON.stringify(value)}`];
  const model = models[type];
  if (model?.getAttributeTypeMap === undefined) return type === 'IntOrString' && (typeof value === 'number' || typeof value === 'string') ? [] : [`${at}: unknown type ${type}`];
  if (!isObject) return [`${at}: must be an object`];
  return Object.entries(value).flatMap(([k, v]) => {
    const field = model.getAttributeTypeMap().find((f) => f.baseName === k);
    return field ? faults(v, field.type, `${at}.${k}`) : [`${at}.${k}: no such field`];
  });
}

const files = documents('k8s/kustomization.yaml')[0]!['resources'] as string[];

describe('every field of deploy/k8s', () => {
  it.each(files)('%s is one that Kubernetes has', (file) => {
    for (const doc of documents(`k8s/${file}`)) expect(faults(doc, `V1${doc['kind']}`, doc['kind'])).toEqual([]);
  });

  it('would be told of a wrong one', () => {
    expect(faults({ spec: { replica: 1, template: { spec: { containers: [{ name: 1, ports: [{ containerPort: '3000' }] }] } } } }, 'V1Deployment', 'D')).toEqual([
      'D.spec.replica: no such field', 'D.spec.template.spec.containers[0].name: must be a string, not 1', 'D.spec.template.spec.containers[0].ports[0].containerPort: must be a number, not "3000"',
    ]);
  });
});
