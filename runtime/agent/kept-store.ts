import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { agentRequest } from '../../transport/protocol.ts';
import { open, seal, type KeyRing } from '../seal.ts';
import { readSecretFile, writeWhole } from '../secrets.ts';

const spec = agentRequest.start.shape.spec;
export type KeptSpec = z.infer<typeof spec>;

const ended = z.object({
  nonce: z.string(),
  code: z.number().nullable(),
  signal: z.string().nullable(),
  at: z.number(),
  /** A master has taken notice, or nothing is to follow. */
  seen: z.boolean(),
});
/** How one start ended. */
export type Ended = z.infer<typeof ended>;

const shape = z.object({
  key: z.string(),
  wanted: z.enum(['running', 'stopped']),
  /** The start that this worker is now, or was last. */
  nonce: z.string().nullable(),
  startedAt: z.number().nullable(),
  /** Earlier starts that the agent itself replaced and no master knows to be replaced: stopping one means this worker. */
  replaced: z.array(z.string()),
  exits: z.array(ended),
  crashes: z.object({ at: z.array(z.number()), fast: z.number() }),
  restarts: z.number(),
  unstable: z.number(),
  failed: z.string().nullable(),
  /** The environment holds secrets: sealed. Null for a process that was found without a note. */
  spec: z.string().nullable(),
});
/** What the agent keeps of a worker from one life of its own to the next. */
export type Kept = z.infer<typeof shape>;

export const newKept = (key: string): Kept => ({ key, wanted: 'stopped', nonce: null, startedAt: null, replaced: [], exits: [], crashes: { at: [], fast: 0 }, restarts: 0, unstable: 0, failed: null, spec: null });

/** One file a worker, mode 0600; the key that seals the specs lies in the folder of secrets. */
export class KeptStore {
  readonly #dir: string;
  readonly #ring: KeyRing;
  constructor(dir: string, secretsDir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#ring = { current: 'agent', keys: new Map([['agent', Buffer.from(secretOf(join(secretsDir, 'agent-key')), 'hex')]]) };
  }

  /** Every worker whose file can be read; the names of the others come with the reason. */
  all(): { kept: Kept[]; damaged: string[] } {
    const kept: Kept[] = [];
    const damaged: string[] = [];
    for (const name of readdirSync(this.#dir).filter((n) => n.endsWith('.json'))) {
      try {
        kept.push(shape.parse(JSON.parse(readFileSync(join(this.#dir, name), 'utf8'))));
      } catch {
        damaged.push(join(this.#dir, name));
      }
    }
    return { kept, damaged };
  }

  write(kept: Kept): void {
    writeWhole(this.#file(kept.key), `${JSON.stringify(kept)}\n`);
  }

  remove(key: string): void {
    rmSync(this.#file(key), { force: true });
  }

  seal(key: string, value: KeptSpec): string {
    return seal(this.#ring, { account: key, field: 'spec' }, JSON.stringify(value));
  }

  open(key: string, sealed: string): KeptSpec {
    return spec.parse(JSON.parse(open(this.#ring, { account: key, field: 'spec' }, sealed).toString('utf8')));
  }

  #file(key: string): string {
    return join(this.#dir, `${key}.json`);
  }
}

/** 32 random bytes in hex from a file of mode 0600, made when it isn't there. */
export function secretOf(file: string): string {
  if (!existsSync(file)) {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
    writeWhole(file, `${randomBytes(32).toString('hex')}\n`);
  }
  return readSecretFile(file);
}
