type One<T> = { at: number; bytes: number; result: T | null; stored: boolean };

const MOST = 20_000;
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Results by token, so that what is asked for again is not done again. Of many or large ones only the token is kept
 * once the server has stored the result, oldest first.
 */
export class Kept<T> {
  readonly #keepMs: number;
  readonly #all = new Map<string, One<T>>();
  #bytes = 0;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  add(token: string, result: T, bytes: number): void {
    const old = performance.now() - this.#keepMs;
    for (const [key, one] of this.#all) {
      if (one.at > old && this.#all.size < MOST) break;
      this.#slim(one);
      this.#all.delete(key);
    }
    this.#all.set(token, { at: performance.now(), bytes, result, stored: false });
    this.#bytes += bytes;
    if (this.#bytes > MOST_BYTES) for (const one of this.#all.values()) {
      if (this.#bytes <= MOST_BYTES) break;
      if (one.stored) this.#slim(one);
    }
  }

  /** The server has it. */
  stored(token: string): void {
    const one = this.#all.get(token);
    if (one) one.stored = true;
  }

  /** The result; null where only its token is left; undefined for a token never seen. */
  get(token: string): T | null | undefined {
    return this.#all.get(token)?.result;
  }

  #slim(one: One<T>): void {
    if (one.result === null) return;
    one.result = null;
    this.#bytes -= one.bytes;
  }
}
