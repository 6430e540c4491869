import { randomBytes } from 'node:crypto';
import type { Artefact } from '../../../transport/protocol.ts';
import type { Kept } from '../../tools/tool.ts';
import { WorkerFault } from '../fault.ts';
import type { Window } from '../windows/window.ts';
import type { EffectContext } from './effect-context.ts';

/** A result up to this size travels by itself, as JSON characters. */
const INLINE = 32_000;
const MOST = 100;

/** What one attempt of a task makes: files and a large result, in the object store under names of its own. */
export class Artefacts {
  readonly list: Artefact[] = [];
  readonly #ctx: EffectContext;
  readonly #folder: string;
  readonly #attempt: number;

  constructor(ctx: EffectContext, of: { task: string; attempt: number }) {
    this.#ctx = ctx;
    this.#attempt = of.attempt;
    this.#folder = `tasks/${of.task}/${of.attempt}-${randomBytes(4).toString('hex')}`;
  }

  keep = async (name: string, type: string, body: Buffer): Promise<Kept> => {
    if (this.list.length >= MOST) throw new WorkerFault('tool-failed', `a task keeps ${MOST} files at most`);
    const own = this.#free(name);
    const object = `${this.#folder}/${own}`;
    await this.#ctx.link.keep(object, body, type);
    this.list.push({ name: own, type, object, bytes: body.length });
    return { name: own, type, bytes: body.length, object };
  };

  /** What the page shows when a step fails; that it can't be had changes nothing. */
  async picture(window: Window, signal: AbortSignal): Promise<void> {
    try {
      const body = await window.page.screenshot({ type: 'jpeg', quality: 60, timeout: 5000 });
      signal.throwIfAborted();
      const { name, object, bytes } = await this.keep(`failure-${this.#attempt}.jpg`, 'image/jpeg', body);
      this.#ctx.emit({ type: 'KEPT', artefact: { name, type: 'image/jpeg', object, bytes } });
      this.#ctx.note({ level: 'info', text: `what the page showed is kept as ${name}` });
    } catch (error) {
      this.#ctx.log('debug', 'task', `no picture of the failed step: ${(error as Error).message.split('\n', 1)[0]}`);
    }
  }

  /** The result itself, or the object that holds it. */
  async result(value: unknown): Promise<{ result: unknown; object: string | null }> {
    const text = JSON.stringify(value ?? null);
    if (text.length <= INLINE) return { result: JSON.parse(text) as unknown, object: null };
    const object = `${this.#folder}/result.json`;
    await this.#ctx.link.keep(object, Buffer.from(text), 'application/json');
    return { result: null, object };
  }

  #free(name: string): string {
    const taken = new Set(this.list.map((a) => a.name).concat('result.json'));
    const [, stem = name, end = ''] = /^(.*?)(\.[^.]*)?$/.exec(name) ?? [];
    for (let n = 1; ; n++) {
      const tried = n === 1 ? name : `${stem}-${n}${end}`;
      if (!taken.has(tried)) return tried;
    }
  }
}
