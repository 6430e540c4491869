import { Kvm, type KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { BUCKET } from '../../transport/subjects.ts';
import { open, seal, type KeyRing } from '../seal.ts';

/** Sealed secrets in the cluster's bucket; only masters hold the key. Values are opened for nobody but their account's worker. */
export class Vault {
  private readonly kv: KV;
  private readonly ring: KeyRing;

  private constructor(kv: KV, ring: KeyRing) {
    this.kv = kv;
    this.ring = ring;
  }

  static async open(nc: NatsConnection, ring: KeyRing): Promise<Vault> {
    return new Vault(await new Kvm(nc).open(BUCKET.vault), ring);
  }

  async put(account: string, field: string, value: string): Promise<void> {
    await this.kv.put(`${account}.${field}`, seal(this.ring, { account, field }, value));
  }

  async get(account: string, field: string): Promise<string | null> {
    const entry = await this.kv.get(`${account}.${field}`);
    if (!entry || entry.operation !== 'PUT') return null;
    return open(this.ring, { account, field }, entry.string()).toString('utf8');
  }

  async drop(account: string, field: string): Promise<void> {
    await this.kv.delete(`${account}.${field}`);
  }

  /** Everything of an account. */
  async forget(account: string): Promise<void> {
    for await (const key of await this.kv.keys(`${account}.*`)) await this.kv.purge(key);
  }
}
