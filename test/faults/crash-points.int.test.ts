import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NatsConnection } from '@nats-io/transport-node';
import { brokenChains, countOf, lastOf, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

const ACTORS = 6;
const EACH = 8;

/** Sends adds, and a timer to each actor; the master dies on the way; another one finishes. The judgement is from outside. */
async function play(stage: Stage, nc: NatsConnection, round: string, dying: Record<string, string>, patience = 20_000): Promise<{ sent: Map<string, string[]>; died: string | null }> {
  const sent = new Map<string, string[]>();
  const first = stage.master(dying);
  const sending = (async () => {
    for (let i = 0; i < EACH; i++) {
      await Promise.all(
        Array.from({ length: ACTORS }, async (_, a) => {
          const actor = `tally/${round}-${a}`;
          const id = `${actor}-${i}`;
          await stage.accept(nc, actor, 'ADD', { id, to: `${round}-${(a + 1) % ACTORS}` }, id);
          sent.set(actor, [...(sent.get(actor) ?? []), id]);
          if (i === 0) await stage.accept(nc, actor, 'TIMER', {}, `${id}-timer`);
        }),
      );
    }
  })();
  const child = await first;
  await sending;
  const died = child.exitCode === null && child.signalCode === null && dying['TROUPE_CRASH_AT'] ? await stage.died(child) : child.signalCode;
  const second = dying['TROUPE_CRASH_AT'] ? await stage.master() : child;
  await until(async () => {
    const journal = await readJournal(nc);
    return [...sent.keys()].every((actor) => {
      const last = lastOf(journal, actor);
      return last && last.after.context.ids.length >= EACH && last.after.context.echoes.length >= EACH && last.after.context.ticks >= 1 && Object.keys(last.pending.tells).length === 0;
    });
  }, `${round}: everything accepted is taken`, patience).catch(() => {});
  await stage.kill(second);
  return { sent, died };
}

async function judge(nc: NatsConnection, sent: Map<string, string[]>) {
  const journal = await readJournal(nc);
  const verdict = { lost: [] as string[], doubled: [] as string[], strange: [] as string[], broken: brokenChains(journal), ticks: [] as number[] };
  const actors = [...sent.keys()];
  actors.forEach((actor, a) => {
    const context = lastOf(journal, actor)?.after.context ?? { ids: [], echoes: [], ticks: 0 };
    const before = actors[(a + actors.length - 1) % actors.length]!;
    for (const [wanted, found] of [[sent.get(actor)!, context.ids], [sent.get(before)!, context.echoes]] as const) {
      const c = countOf(wanted, found);
      verdict.lost.push(...c.lost);
      verdict.doubled.push(...c.doubled);
      verdict.strange.push(...c.strange);
    }
    verdict.ticks.push(context.ticks);
  });
  return verdict;
}

const clean = { lost: [], doubled: [], strange: [], broken: [], ticks: Array(ACTORS).fill(1) };

describe('a master killed at a named point loses nothing and takes nothing twice', () => {
  let stage: Stage;
  let nc: NatsConnection;
  beforeAll(async () => {
    stage = await openStage();
    nc = await stage.operator();
  });
  afterAll(() => stage.close());

  for (const point of ['before-append:3', 'after-append:2', 'after-append:9', 'before-ack:1', 'before-ack:3', 'after-outbox:1', 'after-outbox:20']) {
    it(point, async () => {
      const round = point.replace(':', '-');
      const { sent, died } = await play(stage, nc, round, { TROUPE_CRASH_AT: point });
      expect(died).toBe('SIGKILL');
      expect(await judge(nc, sent)).toEqual(clean);
    });
  }
});

describe('the checker sees the seeded bug', () => {
  it('acknowledging before the append loses events', async () => {
    const stage = await openStage();
    try {
      const nc = await stage.operator();
      const { sent, died } = await play(stage, nc, 'bug', { SEEDED_BUG: 'ack-before-append', TROUPE_CRASH_AT: 'before-append:1' }, 6_000);
      expect(died).toBe('SIGKILL');
      expect((await judge(nc, sent)).lost).not.toEqual([]);
    } finally {
      await stage.close();
    }
  });

  for (const bug of ['', 'no-expected-sequence']) {
    it(`two masters that both own everything: ${bug || 'the expected sequence keeps them apart'}`, async () => {
      const stage = await openStage();
      try {
        const nc = await stage.operator();
        const more = { SPLIT_BRAIN: '1', ...(bug ? { SEEDED_BUG: bug } : {}) };
        await Promise.all([stage.master(more), stage.master(more)]);
        const sent = new Map<string, string[]>();
        // Both must have been at work at the same time, or nothing was tried: entries of both epochs of a partition, one behind the other.
        const both = (journal: Awaited<ReturnType<typeof readJournal>>): boolean =>
          [...sent.keys()].some((actor) => {
            const epochs = journal.filter((j) => j.actor === actor).map((j) => j.entry.epoch as number);
            return epochs.some((e, i) => i > 1 && e < epochs[i - 1]!);
          });
        for (let i = 0; i < 1_000; i++) {
          for (let a = 0; a < ACTORS; a++) {
            const actor = `tally/s-${a}`;
            const id = `${actor}-${i}`;
            await stage.accept(nc, actor, 'ADD', { id, to: 'sink' }, id);
            sent.set(actor, [...(sent.get(actor) ?? []), id]);
          }
          if (i % 20 === 19 && both(await readJournal(nc))) break;
        }
        await until(async () => {
          const journal = await readJournal(nc);
          return [...sent].every(([actor, ids]) => (lastOf(journal, actor)?.after.context.ids.length ?? 0) >= ids.length);
        }, 'all taken', 10_000).catch(() => {});
        const journal = await readJournal(nc);
        expect(both(journal)).toBe(true);
        const broken = brokenChains(journal);
        if (bug) expect(broken).not.toEqual([]);
        else {
          expect(broken).toEqual([]);
          for (const [actor, ids] of sent) expect(lastOf(journal, actor).after.context.ids).toEqual(ids);
        }
      } finally {
        await stage.close();
      }
    });
  }
});
