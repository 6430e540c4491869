import { StringDecoder } from 'node:string_decoder';

const LONGEST = 4000;
const FLUSH = 300;

/** Cuts a stream of bytes into lines; a long line is cut, and one that is not finished is told after a moment. */
export class Lines {
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  take(chunk: Buffer): void {
    this.#rest += this.#decoder.write(chunk);
    const lines = this.#rest.split(/\r?\n|\r/);
    this.#rest = lines.pop()!;
    for (const line of lines) this.#long(line);
    while (this.#rest.length > LONGEST) {
      this.#tell(this.#rest.slice(0, LONGEST));
      this.#rest = this.#rest.slice(LONGEST);
    }
    clearTimeout(this.#timer);
    this.#timer = this.#rest === '' ? undefined : setTimeout(() => this.end(), FLUSH);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#long(this.#rest);
    this.#rest = '';
  }

  #long(line: string): void {
    for (let i = 0; i === 0 || i < line.length; i += LONGEST) this.#tell(line.slice(i, i + LONGEST));
  }
}
