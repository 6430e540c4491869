import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection } from '../../transport/connection.ts';
import { lastOf, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let nc: NatsConnection;
beforeEach(async () => {
  stage = await openStage();
  nc = await stage.operator();
});
afterEach(() => stage.close());

const command = async (actor: string, verb: string, body: object = {}): Promise<any> => (await nc.request(`troupe.cmd.${actor.replace('/', '.')}.${verb}`, JSON.stringify(body), { timeout: 9_000 })).json();
const add = (actor: string, id: string) => stage.accept(nc, actor, 'ADD', { id, to: 'sink' }, `${actor}-${id}`);
const ids = async (actor: string): Promise<string[]> => lastOf(await readJournal(nc), actor)?.after.context.ids ?? [];

/** Writes an entry past the kernel, as a fault of the storage would. */
async function tamper(actor: string, change: (entry: any) => unknown): Promise<void> {
  const raw = await openConnection(natsLogin(stage.config, 'master'));
  const last = lastOf(await readJournal(nc), actor);
  const bad = change(structuredClone(last));
  await jetstream(raw).publish(`troupe.journal.${actor.replace('/', '.')}`, typeof bad === 'string' ? bad : JSON.stringify(bad));
  await raw.close();
}

describe('an actor that can\'t go on', () => {
  it('is parked alone with its event, while the others run on; a retry takes it up in order', async () => {
    await stage.master();
    await add('tally/p', 'one');
    await until(async () => (await ids('tally/p')).length === 1, 'the first is taken');
    // `ids` is not a list any more: the chart throws.
    await tamper('tally/p', (e) => ({ ...e, index: e.index + 1, after: { ...e.after, context: { ...e.after.context, ids: 5 } } }));
    await add('tally/p', 'two');
    await add('tally/q', 'one');
    await until(async () => (await command('tally/p', 'inspect')).parked, 'it is parked');
    await add('tally/p', 'three');
    await until(async () => (await ids('tally/q')).includes('one'), 'the other runs on');
    expect(await command('tally/p', 'send', { event: { type: 'ADD', id: 'no', to: 'sink' } })).toMatchObject({ ok: false, code: 'parked' });
    expect(await command('tally/p', 'retry-parked')).toMatchObject({ ok: false, code: 'parked' });
    // Mended by hand, as an admin would with `nats pub`.
    await tamper('tally/p', (e) => ({ ...e, index: e.index + 1, after: { ...e.after, context: { ...e.after.context, ids: ['one'] } } }));
    expect(await command('tally/p', 'retry-parked')).toMatchObject({ ok: true, taken: 3 });
    expect(await ids('tally/p')).toEqual(['one', 'two', 'three', 'no']);
    expect((await command('tally/p', 'inspect')).parked).toBeNull();
  });

  it('goes on without the event that an admin skips', async () => {
    await stage.master();
    await stage.accept(nc, 'tally/s', 'ADD', { id: 'good', to: 'sink' }, 'g');
    await until(async () => (await ids('tally/s')).length === 1, 'the first is taken');
    // No such address: the chart's message to it can be stored, but this event has no id to remember and breaks nothing; a broken delay does.
    await tamper('tally/s', (e) => ({ ...e, index: e.index + 1, after: { ...e.after, context: { ...e.after.context, echoes: 5 } } }));
    await stage.accept(nc, 'tally/s', 'ECHO', { id: 'bad' }, 'b');
    await until(async () => (await command('tally/s', 'inspect')).parked, 'it is parked');
    await stage.accept(nc, 'tally/s', 'ADD', { id: 'behind', to: 'sink' }, 'h');
    await until(async () => (await nc.request('$JS.API.STREAM.INFO.TROUPE_PARKED', '')).json<any>().state.messages >= 2, 'both are kept');
    expect(await command('tally/s', 'skip-parked')).toMatchObject({ ok: true, taken: 1, skipped: 1 });
    expect(await ids('tally/s')).toEqual(['good', 'behind']);
  });

  it('of an unknown version keeps its journal untouched, and is parked also after a restart', async () => {
    const first = await stage.master();
    await add('tally/v', 'one');
    await until(async () => (await ids('tally/v')).length === 1, 'the first is taken');
    await until(async () => Object.keys(lastOf(await readJournal(nc), 'tally/v').pending.tells).length === 0, 'it is at rest');
    await stage.kill(first);
    await tamper('tally/v', (e) => ({ ...e, index: e.index + 1, version: 'tally-v9' }));
    const before = (await readJournal(nc)).filter((s) => s.actor === 'tally/v').length;
    const second = await stage.master();
    await add('tally/v', 'two');
    await until(async () => /tally-v9/.test((await command('tally/v', 'inspect')).parked ?? ''), 'it is parked with the reason');
    await stage.kill(second);
    await stage.master();
    await until(async () => (await command('tally/v', 'inspect').catch(() => ({}))).parked, 'it is still parked');
    expect((await readJournal(nc)).filter((s) => s.actor === 'tally/v')).toHaveLength(before);
  });
});

describe('a journal that is not what this machine has seen', () => {
  const safe = async (): Promise<any> => until(async () => {
    const answer = await command('account/x', 'create', { platform: 'sandbox', name: 'X' }).catch(() => null);
    return answer?.code === 'safe_mode' && answer;
  }, 'SAFE MODE');

  it('is gone: SAFE MODE, nothing is written, nothing is made anew', async () => {
    const master = await stage.master();
    await add('tally/a', 'one');
    await until(async () => (await ids('tally/a')).length === 1, 'it is taken');
    await stage.kill(master);
    const raw = await openConnection({ ...natsLogin(stage.config, 'master') });
    // Not even the master may delete it: the store is damaged from below.
    await expect((await jetstreamManager(raw)).streams.delete('TROUPE_JOURNAL')).rejects.toThrow();
    await raw.close();
    await stage.damage('TROUPE_JOURNAL', 'remove');
    await stage.master();
    expect((await safe()).message).toContain('TROUPE_JOURNAL');
    const names = (await nc.request('$JS.API.STREAM.NAMES', '')).json<{ streams: string[] }>().streams;
    expect(names).not.toContain('TROUPE_JOURNAL');
  });

  for (const how of ['empty', 'truncate'] as const) {
    it(`lost messages (${how}): SAFE MODE names the gap`, async () => {
      const master = await stage.master();
      for (let i = 0; i < 12; i++) await add('tally/a', `n${i}`);
      await until(async () => (await ids('tally/a')).length === 12, 'they are taken');
      await until(() => stage.seen() >= 12, 'the view has seen them');
      await stage.kill(master);
      await stage.damage('TROUPE_JOURNAL', how);
      await stage.master();
      expect((await safe()).message).toMatch(/TROUPE_JOURNAL: (it ends at \d+|its message \d+)/);
    });
  }
});
