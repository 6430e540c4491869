import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry } from '../../actors/entry.ts';
import { agentFields } from '../../actors/agent.ts';
import { alertRule } from '../../actors/alert.ts';
import { kinds } from '../../actors/kinds.ts';
import { proxyConfig } from '../../actors/proxy.ts';
import { ruleConfig } from '../../actors/rule.ts';
import { scalerConfig } from '../../actors/scaler.ts';
import { scheduleConfig } from '../../actors/schedule.ts';
import { sinkConfig } from '../../actors/sink.ts';
import { taskFields } from '../../actors/task.ts';
import { turn, type Head, type Inbound } from '../../actors/turn.ts';
import { Commands, type CommandsOptions, type Request } from '../../runtime/master/commands.ts';
import type { Engine } from '../../runtime/master/engine.ts';
import { parseAddress } from '../../transport/subjects.ts';

const AT = 1_800_000_000_000;
const about = (actor: string) => ({ actor, at: AT, rnd: 0.5, epoch: 1 });

/** Inputs that make an actor of each kind to put commands to. */
const FIRST: Record<string, Record<string, unknown>> = {
  account: { id: 'x', platform: 'sandbox', name: 'X', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null }, at: AT },
  worker: { id: 'x', config: { worker_id: 'x', name: 'X', enabled: true }, at: AT }, login: { id: 'x', account: 'a', platform: 'sandbox', method: 'qrcode', proxy: null, at: AT },
  reply: { id: 'x', account: 'a', platform: 'sandbox', to: { type: 'comment', comment: 'c', post: 'p' }, text: 't', by: 'b', at: AT },
  alert: { id: 'x', rule: alertRule.parse({ name: 'X', metric: 'worker_down', threshold: 0 }), at: AT }, sink: { id: 'x', config: sinkConfig.parse({ name: 'X', type: 'webhook', url: 'https://example.com/', secret: 'sixteen-letters-or-more' }), at: AT },
  rule: { id: 'x', config: ruleConfig.parse({ name: 'R', match: { words: ['x'] }, answer: { text: 'y' } }), by: 'b', at: AT },
  conversation: { id: 'x', account: 'a', type: 'message', peer: 'u', peerName: 'U', post: null, postTitle: null, state: 'open', unreadSince: null, lastInAt: AT, by: 'b', at: AT },
  machine: { id: 'x', is: 'agent', host: 'h', at: AT }, key: { id: 'x', comment: '', secret: 'key_x.private', passphrase: null, at: AT }, scaler: { id: 'x', config: scalerConfig.parse({ min: 1, max: 3, target: 5, template: 't' }), at: AT },
  task: { id: 'x', seq: 1, ...taskFields.parse({ title: 'T', type: 'automation' }), notBefore: null, key: null, template: null, schedule: null, replayOf: null, by: 'b', at: AT }, agent: { id: 'x', ...agentFields.parse({}), name: 'X', by: 'b', at: AT }, gate: { id: 'x', at: AT },
  proxy: { id: 'x', config: proxyConfig.parse({ name: 'X', protocol: 'http', server: 'h:1' }), by: 'b', at: AT },
  notifier: { id: 'x', config: { name: 'X', sink: 's', types: [], accounts: [], least: 'low', digestMinutes: 5 }, enabled: true, by: 'b', at: AT },
  erasure: { id: 'x', platform: 'sandbox', person: 'erasure_x.person', by: 'b', at: AT },
  monitor: { id: 'x', at: AT }, schedule: { id: 'x', by: 'b', config: scheduleConfig.parse({ title: 'T', when: { everyMs: 60_000 }, makes: { task: { title: 't' } } }), at: AT },
};

/** Commands over the real charts and turns, without a journal: `x` is there, everyone else is not. */
function bench(more: Partial<CommandsOptions> = {}) {
  const taken: Uint8Array[] = [];
  const sealed: string[] = [];
  const heads = new Map<string, Head>();
  for (const [kind, binding] of kinds) {
    const first = turn(binding, null, { is: 'start', input: FIRST[kind], cause: { id: 'first' } }, about(`${kind}/x`));
    if ('drop' in first) throw new Error(`${kind} does not start`);
    heads.set(`${kind}/x`, { entry: first.entry, hash: first.hash, seq: 1, snapshot: null });
  }
  const engine = {
    host: { owns: () => true },
    async ask(actor: string, inbound: Inbound) {
      const head = heads.get(actor) ?? null;
      const result = turn(kinds.get(parseAddress(actor)!.kind)!, head, inbound, about(actor));
      if ('drop' in result) return { is: 'dropped', why: result.drop, head: head?.entry ?? null, seq: 1 };
      taken.push(result.bytes);
      return { is: 'taken', entry: result.entry, seq: 2 };
    },
  } as unknown as Engine;
  const commands = new Commands({ mux: null as never, engine, bindings: kinds, common: {}, closed: () => null, seal: async (to, field, value) => (sealed.push(value), `${to.id}.${field}`), ...more });
  const run = (kind: string, id: string, verb: string, payload: unknown, more: Partial<Request> = {}) => commands.run({ to: { kind, id }, verb, payload, id: 'r1', by: 'test', ...more });
  /** As it comes off the wire. */
  async function wire(subject: string, data: Uint8Array | string, headers: Record<string, string> = {}): Promise<any> {
    let said = '';
    const bytes = Buffer.from(data);
    await commands.handle({ subject, data: bytes, string: () => bytes.toString('utf8'), headers: { get: (name: string) => headers[name] ?? '' }, respond: (text: string) => void (said = text) } as never);
    return JSON.parse(said);
  }
  return { run, wire, taken, sealed };
}

const keysOf = (schema: unknown): string[] => Object.keys((schema as { shape?: object }).shape ?? {});
const odd = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom(-1, 0, -0, 1e9, 2 ** 53, NaN, Infinity, '', 'x', null, true, [], {}, '\ud800', 'a\0b', '\u202e', 'a'.repeat(10_000), '../../etc', '$(id)', { type: 'comment', comment: 'c', post: 'p' }, { protocol: 'http', server: 'h:1', password: 'p' }));
const verbs = [...kinds].flatMap(([kind, b]) => Object.entries(b.commands).map(([verb, spec]) => ({ kind, verb, spec })));

describe('every command of every kind', () => {
  it.each(verbs.map((v) => [`${v.kind} ${v.verb}`, v] as const))('%s answers whatever it is given, and stores only what its schema took', async (_, { kind, verb, spec }) => {
    const { run, taken } = bench();
    const payloads = fc.oneof(odd, fc.dictionary(fc.oneof(fc.constantFrom('x', ...keysOf(spec.schema)), fc.string(), fc.constantFrom('constructor', 'toString')), odd, { maxKeys: 6 }));
    await fc.assert(
      fc.asyncProperty(payloads, fc.constantFrom('x', 'new-one'), async (payload, id) => {
        taken.length = 0;
        const good = spec.schema.safeParse(payload ?? {}).success;
        const answer = await run(kind, id, verb, payload);
        if (answer.ok) expect(answer).toMatchObject({ actor: `${kind}/${id}`, state: expect.any(String) });
        else expect(answer).toMatchObject({ code: expect.stringMatching(/^(invalid|conflict|duplicate|not_found)$/), message: expect.stringMatching(/\S/) });
        if (!good) expect([answer.ok, (answer as { code?: string }).code, taken.length]).toEqual([false, 'invalid', 0]);
        for (const bytes of taken) expect(Buffer.from(JSON.stringify(decodeEntry(bytes)))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('some of the right payloads are taken: the property is not empty', async () => {
    const { run } = bench();
    expect(await run('account', 'new', 'create', { platform: 'sandbox', name: '店 \ud83e\uddf5' })).toMatchObject({ ok: true });
    expect(await run('account', 'x', 'pause', {})).toMatchObject({ ok: true });
    expect(await run('reply', 'new', 'create', { account: 'a', to: { type: 'comment', comment: 'c', post: 'p' }, text: 'a\r\n\u202e\0\ud800' })).toMatchObject({ ok: true });
    expect(await run('worker', 'w', 'create', { name: 'w', env_variables: { A: 'x'.repeat(4096) } })).toMatchObject({ ok: true });
  });

  it.each([
    ['1,000 variables', { name: 'w', env_variables: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`V${i}`, ''])) }], ['a value of 1 MiB', { name: 'w', env_variables: { A: 'x'.repeat(1_048_576) } }], ['NODE_PATH', { name: 'w', env_variables: { NODE_PATH: '/' } }], ['LD_AUDIT', { name: 'w', env_variables: { LD_AUDIT: '/' } }],
  ])('a worker is not made with %s', async (_, payload) => {
    expect(await bench().run('worker', 'w', 'create', payload)).toMatchObject({ ok: false, code: 'invalid', field: expect.stringMatching(/^env_variables/) });
  });

  it('what is added to a beginning is stored with it, and taken back when nothing begins', async () => {
    const undone: string[] = [];
    const { run, taken } = bench({ begin: (actor, input) => (actor.startsWith('task/') ? { input: { title: `${String(input['title'])}!` }, undo: () => void undone.push(actor) } : null) });
    await run('task', 'new', 'create', { title: 'T', type: 'automation' });
    expect(decodeEntry(taken[0]!).event).toMatchObject({ type: '~start', input: { title: 'T!' } });
    expect(undone).toEqual([]);
    expect(await run('task', 'x', 'create', { title: 'T', type: 'automation' })).toMatchObject({ ok: false, code: 'duplicate' });
    expect(undone).toEqual(['task/x']);
  });

  it('seals what is secret before anything is taken', async () => {
    const { run, taken, sealed } = bench();
    await run('account', 'new', 'create', { platform: 'sandbox', name: 'n', proxy: { protocol: 'http', server: 'h:1', username: 'u', password: 'hush-hush' } });
    expect(sealed).toEqual(['hush-hush']);
    expect(Buffer.concat(taken).toString()).not.toContain('hush-hush');
  });
});

describe('on the wire', () => {
  const deep = (n: number) => '{"a":'.repeat(n) + '1' + '}'.repeat(n);
  it.each<[string, string | Uint8Array, RegExp]>([
    ['no JSON', '{oops', /payload/], ['half a character', Buffer.from([0x22, 0xc3, 0x22]), /./], ['10,000 deep', deep(10_000), /32 deep/], ['a doubled key', '{"name":"a","name":"b"}', /given twice/], ['__proto__', '{"__proto__":{"by":"user:admin"}}', /__proto__/], ['1e309', '{"monitorInterval":1e309}', /out of range/], ['2^53+1', '{"monitorInterval":9007199254740993}', /out of range/],
    ['1 MiB', `{"name":"${'x'.repeat(1_048_576)}"}`, /./], ['a list', '[1]', /./], ['a number', '7', /./], ['an unknown field', '{"is_admin":true}', /is_admin/],
  ])('refuses %s, and takes no turn', async (_, body, says) => {
    const { wire, taken } = bench();
    const answer = await wire('troupe.cmd.account.x.update', body);
    expect([answer.ok, answer.code]).toEqual([false, 'invalid']);
    expect(answer.message).toMatch(says);
    expect(taken).toEqual([]);
  });

  it('takes an empty payload as none, and survives deep events', async () => {
    const { wire, taken } = bench();
    expect(await wire('troupe.cmd.account.x.pause', '')).toMatchObject({ ok: true });
    expect(await wire('troupe.cmd.account.x.send', `{"event":{"type":"LOGIN_DONE","login":"l","user":{"id":"u","nickname":"n","avatar":null},"validUntil":null,"fingerprint":${deep(40_000)}}}`)).toMatchObject({ ok: false, code: 'invalid' });
    expect(taken).toHaveLength(1);
  });

  it.each(['troupe.cmd.account.x', 'troupe.cmd.account.x.pause.more', 'troupe.cmd.account.X.pause', 'troupe.cmd.account.*.pause', 'troupe.cmd.account.>.pause', 'troupe.cmd.account.-rf.pause', 'troupe.cmd.account.中文.pause', `troupe.cmd.account.${'a'.repeat(64)}.pause`, 'troupe.cmd.ACCOUNT.x.pause', 'troupe.cmd.martian.x.pause', 'troupe.cmd.account.x.PAUSE', 'troupe.cmd.account.x.constructor', 'troupe.cmd.account.x.__proto__', 'troupe.cmd.account.x.toString'])('answers %s with what is wrong', async (subject) => {
    const { wire, taken } = bench();
    expect(await wire(subject, '{}')).toMatchObject({ ok: false, code: expect.stringMatching(/^(invalid|not_found)$/), message: expect.stringMatching(/.{10}/) });
    expect(taken).toEqual([]);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'NOSUCH', 'xstate.init', '~done', ''])('sends no event called %s', async (type) => {
    const { run, taken } = bench();
    expect(await run('account', 'x', 'send', { event: { type } })).toMatchObject({ ok: false, code: 'invalid', field: 'event.type' });
    expect(taken).toEqual([]);
  });

  it('keeps the request that a command came by when it has the right form, and nothing else', async () => {
    const of = async (request: string) => {
      const { wire, taken } = bench();
      await wire('troupe.cmd.account.x.pause', '{}', { 'Troupe-Request': request, 'Troupe-By': 'user:admin', 'Nats-Msg-Id': 'm1' });
      return decodeEntry(taken[0]!).cause;
    };
    expect(await of('9f2k a-B_3')).toEqual({ id: 'm1', by: 'user:admin', request: '9f2k a-B_3' });
    for (const bad of ['', 'one', 'one two three', 'a b\n', `${'a'.repeat(65)} b`, '<b> c']) expect(await of(bad)).toEqual({ id: 'm1', by: 'user:admin' });
  });
});
