import type { Results } from '../../transport/protocol.ts';

type Item = Results['items'][number];

const MOST = 200;

/** Sends results that end together as one message, and says of each whether it has reached its actor. */
export class ResultPost {
  readonly #send: (items: Item[]) => Promise<ReadonlySet<string>>;
  #waiting: { item: Item; settle: (settled: boolean) => void }[] = [];

  constructor(send: (items: Item[]) => Promise<ReadonlySet<string>>) {
    this.#send = send;
  }

  send(item: Item): Promise<boolean> {
    return new Promise((settle) => {
      this.#waiting.push({ item, settle });
      if (this.#waiting.length === 1) setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < all.length; i += MOST) {
      const part = all.slice(i, i + MOST);
      void this.#send(part.map((p) => p.item)).then((settled) => part.forEach((p) => p.settle(settled.has(p.item.id))));
    }
  }
}
