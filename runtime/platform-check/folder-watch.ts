import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Tells which folders of `root` have changed, by looking at their files again and again: notices of the system get lost for new folders, and
 * never come from a mounted one. Starts from what is there now; a change is told once it has stood still for one look.
 */
export class FolderWatch {
  readonly #root: string;
  readonly #changed: (folder: string) => void;
  readonly #timer: NodeJS.Timeout;
  #known: Promise<Map<string, string>>;
  #unsettled = new Map<string, string>();
  #busy = false;

  constructor(root: string, everyMs: number, changed: (folder: string) => void) {
    this.#root = root;
    this.#changed = changed;
    this.#known = marksOf(root);
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  /** Settles when what is there now is known. */
  get ready(): Promise<unknown> {
    return this.#known;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const [known, now] = await Promise.all([this.#known, marksOf(this.#root)]);
      for (const folder of new Set([...known.keys(), ...now.keys()])) {
        const mark = now.get(folder) ?? '';
        if ((known.get(folder) ?? '') === mark) this.#unsettled.delete(folder);
        else if (this.#unsettled.get(folder) !== mark) this.#unsettled.set(folder, mark);
        else {
          this.#unsettled.delete(folder);
          if (mark === '') known.delete(folder);
          else known.set(folder, mark);
          this.#changed(folder);
        }
      }
    } finally {
      this.#busy = false;
    }
  }
}

/** Each folder with the names, sizes and times of its files. One that can't be read has none. */
async function marksOf(root: string): Promise<Map<string, string>> {
  const marks = new Map<string, string>();
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const files = (await readdir(join(root, entry.name), { recursive: true }).catch(() => [])).filter((f) => !f.includes('node_modules')).sort();
    const about = await Promise.all(files.map(async (file) => stat(join(root, entry.name, file)).then((s) => (s.isFile() ? `${file}:${s.size}:${s.mtimeMs}` : ''), () => '')));
    marks.set(entry.name, `.${about.join('|')}`);
  }
  return marks;
}
