import { JournalUnavailable, type JournalStream } from '../../transport/journal.ts';

type Ports = Pick<JournalStream, 'last' | 'append'>;

/** What a master tells on `troupe.stuck.<master>`: appends in a row that nobody answered although the journal can be read. */
export type StuckReport = { appends: number; why: string };

/** A failure counts for so long: what failed is tried again well before. */
const FRESH_MS = 15_000;

/** Looks at every append: whether the journal's server can store. A full volume shows as refusals, or as silence. */
export class StorageWatch {
  private readonly report: (report: StuckReport) => void;
  private silent = 0;
  private failed: { at: number; why: string } | null = null;

  constructor(report: (report: StuckReport) => void) {
    this.report = report;
  }

  watch(journal: Ports): Ports {
    return {
      last: (actor) => journal.last(actor),
      append: async (items) => {
        try {
          const done = await journal.append(items);
          this.failed = null;
          this.silent = 0;
          return done;
        } catch (error) {
          if (error instanceof JournalUnavailable && error.storage) this.note(error.storage, error.message);
          throw error;
        }
      },
    };
  }

  /** Why nothing can be stored right now, as the answer to a command. */
  refusal(): { ok: false; code: string; message: string } | null {
    if (!this.failed || performance.now() - this.failed.at > FRESH_MS) return null;
    return { ok: false, code: 'storage_full', message: `nats-server can't store (${this.failed.why}): free space on its volume; ask again with the same id` };
  }

  private note(how: 'refused' | 'silent', why: string): void {
    this.failed = { at: performance.now(), why };
    this.silent = how === 'silent' ? this.silent + 1 : 0;
    if (this.silent > 0) this.report({ appends: this.silent, why });
  }
}
