import type { TaskNote } from '../../transport/protocol.ts';
import { createLogCap } from './log-cap.ts';

const EVERY = 100;
const BATCH = 50;
const CAP = 8_000;
const RATE = { perSecond: 100, burst: 1_000 };

/** The rows of one attempt of a task: sent in batches, of a flood only part, of progress always the last. */
export class TaskNotes {
  readonly #attempt: number;
  readonly #send: (rows: TaskNote[]) => void;
  readonly #may: () => boolean;
  #rows: TaskNote[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(attempt: number, send: (rows: TaskNote[]) => void) {
    this.#attempt = attempt;
    this.#send = send;
    this.#may = createLogCap(RATE, (leftOut) => this.#put({ level: 'warn', text: `${leftOut} rows were left out here: more than ${RATE.perSecond} a second` }));
  }

  add(row: Omit<TaskNote, 'at' | 'attempt'>): void {
    if (row.text === '' && row.progress !== undefined) this.#put(row);
    else if (this.#may()) this.#put({ ...row, text: row.text.slice(0, CAP) });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rows.length > 0) this.#send(this.#rows.splice(0));
  }

  #put(row: Omit<TaskNote, 'at' | 'attempt'>): void {
    const last = this.#rows.at(-1);
    const one: TaskNote = { at: Date.now(), attempt: this.#attempt, ...row };
    // Of several that say only how far it is the newest is enough.
    if (last && last.text === '' && row.text === '') this.#rows[this.#rows.length - 1] = one;
    else this.#rows.push(one);
    if (this.#rows.length >= BATCH) this.end();
    else this.#timer ??= setTimeout(() => this.end(), EVERY);
  }
}
