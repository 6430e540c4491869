import { kinds } from '../../actors/kinds.ts';
import { bind } from '../../actors/binding.ts';
import { replyMachine } from '../../machines/reply.ts';
import { reply } from '../../actors/reply.ts';
import { turn, type Inbound } from '../../actors/turn.ts';
import { JournalStream } from '../../transport/journal.ts';
import type { Mux } from '../../transport/mux.ts';
import { subjects, parseAddress } from '../../transport/subjects.ts';
import { loadConfig } from '../../runtime/config.ts';
import { startMaster, type MasterParts } from '../../runtime/master/main.ts';
import { tally } from './tally.ts';

/** Seeded bugs, by name: each must turn the checker red, or the checker proves nothing. */
const bugs: Record<string, () => MasterParts> = {
  /** Acknowledges what it has not stored. */
  'ack-before-append': () => ({ wrap: { deliver: (d, take) => (d.settle(), setTimeout(() => take({ ...d, settle: () => {} }), 1_000)) } }),
  /** Appends wherever the actor's journal may be by now. */
  'no-expected-sequence': () => ({ wrap: { journal: (j) => new Careless((j as unknown as { mux: Mux }).mux, j) } }),
  /** Takes a result whoever asked for it. */
  'no-token-fence': () => ({
    wrap: {
      turn: (binding, head, inbound, about) => {
        const child = head && inbound.is === 'done' && !head.entry.pending.effects[inbound.token] ? Object.entries(head.entry.pending.effects)[0]?.[0] : undefined;
        return turn(binding, head, child ? ({ ...inbound, token: child } as Inbound) : inbound, about);
      },
    },
  }),
  /** Tries again when the button may have been pressed. */
  'retry-after-submitting': () => ({
    bindings: new Map([...kinds, ['tally', tally], ['reply', bind({ ...reply, machine: replyMachine.provide({ guards: { mayRetry: ({ context }) => context.attempt < context.maxAttempts } }) })]]),
  }),
};

class Careless extends JournalStream {
  private readonly plain: JournalStream;
  private readonly wire: Mux;
  constructor(mux: Mux, plain: JournalStream) {
    super(mux);
    this.wire = mux;
    this.plain = plain;
  }
  override last(actor: string) {
    return this.plain.last(actor);
  }
  override async append(items: { actor: string; bytes: Uint8Array }[]) {
    return Promise.all(items.map(async (i) => ({ seq: (await this.wire.publish(subjects.journal(parseAddress(i.actor)!), i.bytes)).seq })));
  }
}

const config = loadConfig(process.env);
const bug = process.env['SEEDED_BUG'];
const master = await startMaster(config, { bindings: new Map([...kinds, ['tally', tally]]), ...(bug ? bugs[bug]!() : {}) });

if (process.env['SPLIT_BRAIN']) {
  // Two masters that both believe to own everything: only the journal's expected sequence is left between them.
  const seize = async () => {
    for (let p = 0; p < config.partitions; p++) if (master.engine!.host.epochOf(p) === null) await master.engine!.acquire(p).catch(() => {});
  };
  setInterval(() => void seize(), 200);
  await seize();
}
// Blocks its own event loop, as a runaway computation would.
process.on('SIGUSR2', () => {
  for (const end = performance.now() + Number(process.env['STALL_MS'] ?? 0); performance.now() < end; );
});
process.stdout.write('master is up\n');
process.on('SIGTERM', () => void master.stop().then(() => process.exit(0)));
