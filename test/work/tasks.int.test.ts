import { afterEach, describe, expect, it } from 'vitest';
import { simFleet, type SimFleet } from '../harness/sim-fleet.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let fleet: SimFleet | null = null;
afterEach(async () => {
  await fleet?.close();
  fleet = null;
  await stage.close();
});

const sim = (args: object) => ({ actions: [{ tool: 'sim', args }] });
const task = (id: string, more: object = {}) => stage.command(`task/${id}`, 'create', { title: id, type: 'automation', ...more });
const row = (id: string) => stage.rows<Record<string, any>>('SELECT * FROM tasks WHERE id = ?', id)[0];

describe('tasks', () => {
  it('go to a worker and come back', async () => {
    stage = await openStage();
    await stage.master();
    expect(await task('t-1')).toMatchObject({ ok: true, task: 't-1', number: 1 });
    await until(() => row('t-1')?.why === 'no worker of group default runs: start one', 'it says why it waits');
    fleet = await simFleet(stage.config, ['s-1', 's-2']);
    await until(() => row('t-1')?.status === 'completed', 'it is done');
    expect(row('t-1')).toMatchObject({ attempt: 1, error_message: null });
  });
});
