import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../runtime/config.ts';
import { main } from '../../runtime/main.ts';
import { patiently } from '../../runtime/operator.ts';
import { nearest } from '../../runtime/nearest.ts';
import { readArgs, UsageError } from '../../runtime/verb.ts';

async function cli(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const env: Record<string, string> = { PORT: 'x' };
  const code = await main(argv, { env, config: () => loadConfig(env), out: (l) => void out.push(l), err: (l) => void err.push(l) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('troupe', () => {
  it('lists every verb with its summary', async () => {
    const { code, out } = await cli('--help');
    expect(code).toBe(0);
    for (const verb of ['up', 'nats', 'master', 'web', 'worker', 'doctor']) expect(out).toMatch(new RegExp(`^  ${verb} +\\S`, 'm'));
    expect((await cli()).code).toBe(2);
  });

  it.each(['up', 'nats', 'master', 'web', 'worker', 'doctor'])('%s explains itself, even under a broken configuration', async (verb) => {
    const { code, out, err } = await cli(verb, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: troupe ${verb}`);
  });

  it.each([
    [['upp'], 'unknown command "upp": did you mean up?'],
    [['doctr'], 'did you mean doctor?'],
    [['../main'], 'unknown command "../main"'],
    [['doctor', '--jsn'], 'unknown flag --jsn: did you mean --json?'],
    [['up', 'now'], '"now" is one word too many'],
    [['worker', '--group'], 'argument missing'],
    [['worker', '--allow-shel'], 'did you mean --allow-shell?'],
  ])('refuses %j with code 2', async (argv, text) => {
    const { code, err, out } = await cli(...argv);
    expect(code).toBe(2);
    expect(err).toContain(text);
    expect(out).toBe('');
  });

  it('ends with 78 and the variable\'s name on a bad setting', async () => {
    expect(await cli('doctor')).toEqual({ code: 78, out: '', err: 'troupe: PORT="x": must be a port from 1 to 65535' });
  });

  it.each([
    [['--max-agents', '1001'], 'MAX_AGENTS="1001": must be a whole number from 0 to 1000'],
    [['--label', 'gpu'], 'WORKER_LABELS="gpu": must be name=value'],
    [['--label', 'a=1', '--label', 'b c=2'], 'WORKER_LABELS="a=1,b c=2": must be name=value'],
  ])('judges the flags of a worker as its variables: %j', async (flags, text) => {
    const { code, err } = await cli('worker', ...flags);
    expect([code, err]).toEqual([78, expect.stringContaining(text)]);
  });

  it('tells its version', async () => {
    expect((await cli('--version')).out).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

it('guesses near names only', () => {
  expect(nearest('repaly', ['replay', 'inspect'])).toBe('replay');
  expect(nearest('insp', ['replay', 'inspect'])).toBe('inspect');
  expect(nearest('zzzzzz', ['replay', 'inspect'])).toBeNull();
});

it('reads flags and words', () => {
  expect(readArgs(['worker/w', '--json', '--n', '3'], { json: { type: 'boolean' }, n: { type: 'string' } }, { least: 1 })).toEqual({ flags: { json: true, n: '3' }, rest: ['worker/w'] });
  expect(() => readArgs([], {}, { least: 1, names: 'kind/id' })).toThrow(new UsageError('kind/id missing'));
});

describe('a silent server', () => {
  const silence = (name: string) => Object.assign(new Error('timeout'), { name });

  it('is named, with what to do, instead of `timeout`', async () => {
    const err: string[] = [];
    const code = await main(['workers'], { env: {}, config: () => { throw silence('TimeoutError'); }, out: () => undefined, err: (l) => void err.push(l) });
    expect({ code, err }).toEqual({ code: 69, err: [expect.stringMatching(/^troupe: NATS did not answer in time.*Ask again/)] });
  });

  it('is asked again by what only looks, for a while; other faults are not', async () => {
    let asked = 0;
    expect(await patiently(async () => (++asked < 3 ? Promise.reject(silence('NoRespondersError')) : 'there'))).toBe('there');
    await expect(patiently(async () => Promise.reject(silence('TimeoutError')), 0)).rejects.toThrow('timeout');
    await expect(patiently(async () => Promise.reject(new Error('no such stream')))).rejects.toThrow('no such stream');
  });
});
