import { Kvm, type KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { BUCKET, type Address } from '../../transport/subjects.ts';
import { keyOf, open, seal, type KeyRing } from '../seal.ts';

const WRONG_LAST_SEQUENCE = 10071;

/** Whose a secret is. Accounts and logins go by their id alone; the underscore keeps every other kind apart from them. */
export const ownerOf = ({ kind, id }: Address): string => (kind === 'account' || kind === 'login' ? id : `${kind}_${id}`);

/** Sealed secrets in the cluster's bucket; only masters hold the key. Values are opened for nobody but their account's worker. */
export class Vault {
  private readonly kv: KV;
  private readonly ring: () => KeyRing;

  private constructor(kv: KV, ring: () => KeyRing) {
    this.kv = kv;
    this.ring = ring;
  }

  /** `ring` is asked each time: a rotation takes effect without a restart. */
  static async open(nc: NatsConnection, ring: () => KeyRing): Promise<Vault> {
    return new Vault(await new Kvm(nc).open(BUCKET.vault), ring);
  }

  async put(account: string, field: string, value: string): Promise<void> {
    await this.kv.put(`${account}.${field}`, seal(this.ring(), { account, field }, value));
  }

  async get(account: string, field: string): Promise<string | null> {
    const entry = await this.kv.get(`${account}.${field}`);
    if (!entry || entry.operation !== 'PUT') return null;
    return open(this.ring(), { account, field }, entry.string()).toString('utf8');
  }

  /** The sealed value itself, as it stands in the bucket. */
  async sealed(reference: string): Promise<string | null> {
    const entry = await this.kv.get(reference);
    return entry && entry.operation === 'PUT' ? entry.string() : null;
  }

  /** By the reference that a context holds: `<owner>.<field>`. */
  async open(reference: string): Promise<string | null> {
    const dot = reference.indexOf('.');
    return this.get(reference.slice(0, dot), reference.slice(dot + 1));
  }

  async drop(account: string, field: string): Promise<void> {
    await this.kv.delete(`${account}.${field}`);
  }

  /** Everything of an account. */
  async forget(account: string): Promise<void> {
    for await (const key of await this.kv.keys(`${account}.*`)) await this.kv.purge(key);
  }
  /** Seals everything with the current key that is under another; a value that changes meanwhile is looked at again. Answers how many it sealed. */
  async reseal(): Promise<number> {
    const keys: string[] = [];
    for await (const key of await this.kv.keys()) keys.push(key);
    let sealed = 0;
    for (const key of keys) while (await this.resealOne(key)) sealed++;
    return sealed;
  }

  /** False when there is nothing to do. */
  private async resealOne(key: string): Promise<boolean> {
    const ring = this.ring();
    const entry = await this.kv.get(key);
    if (!entry || entry.operation !== 'PUT' || keyOf(entry.string()) === ring.current) return false;
    const [account, ...field] = key.split('.') as [string, ...string[]];
    const place = { account, field: field.join('.') };
    try {
      await this.kv.update(key, seal(ring, place, open(ring, place, entry.string())), entry.revision);
    } catch (error) {
      if ((error as { code?: number }).code !== WRONG_LAST_SEQUENCE) throw error;
      return this.resealOne(key);
    }
    return true;
  }
}
