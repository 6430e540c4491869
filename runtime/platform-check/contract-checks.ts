import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FLOWS, PlatformFault, type Step, type Target } from '../../platforms/contract.ts';
import type { Session } from './check-session.ts';

export type Check = { name: string; /** Nothing after it can go well without it. */ first?: true; run(session: Session): Promise<void> };

const faultOf = async (work: Promise<unknown>, what: string): Promise<PlatformFault> => {
  const error = await work.then(() => null, (e: unknown) => e);
  assert(error !== null, `${what} went well, and had to be refused`);
  assert(error instanceof Error && error.name === 'PlatformFault', `${what} threw ${String(error)}, not a PlatformFault`);
  return error as PlatformFault;
};
const expectFault = async (work: Promise<unknown>, what: string, kind: string, sent: 'no' | 'maybe' = 'no'): Promise<void> => {
  const fault = await faultOf(work, what);
  assert.equal(fault.kind, kind, `${what}: the fault is "${fault.kind}" (${fault.message}), it must be "${kind}"`);
  assert.equal(fault.sent, sent, `${what}: the fault says sent: ${fault.sent}, it must say ${sent}`);
};
const unique = (ids: string[], what: string): void => assert.equal(new Set(ids).size, ids.length, `${what}: an id comes twice`);

/** What every platform must do, whatever site it knows; in this order, each building on those before. */
export const contractChecks: readonly Check[] = [
  {
    name: 'says what it is and can',
    async run({ stage: { platform } }) {
      assert.match(platform.id, /^[a-z0-9][a-z0-9-]*$/);
      assert(platform.label.length > 0, 'label is empty');
      assert(platform.flows.length > 0, 'flows is empty: nobody can log in');
      for (const { id, label } of platform.flows) {
        assert((FLOWS as readonly string[]).includes(id), `flows: "${id}" is none of ${FLOWS.join(', ')}`);
        assert(label.length > 0, `the flow ${id} has no label`);
      }
      for (const name of ['comments', 'messages', 'replyComment', 'replyMessage', 'verifyReliable'] as const) assert.equal(typeof platform.can[name], 'boolean', `can.${name} must be true or false`);
      assert(platform.can.comments || platform.can.messages, 'can: neither comments nor messages');
      assert(Number.isInteger(platform.can.maxLength) && platform.can.maxLength > 0, 'can.maxLength must be a whole number above 0');
    },
  },
  {
    name: 'a session that is not there is expired, and reading says logged-out',
    async run({ stage: { platform }, io }) {
      assert.equal(await platform.check(io()), 'expired', 'check() without a session');
      await expectFault(platform.can.comments ? platform.comments(null, io()) : platform.messages(null, io()), 'reading without a session', 'logged-out');
    },
  },
  {
    name: 'an unknown login flow is refused by name',
    async run({ stage: { platform }, io }) {
      const fault = await faultOf((async () => platform.login('telepathy', io(), () => Promise.reject(new Error('nobody'))).next())(), 'the login flow "telepathy"');
      assert.match(fault.message, /telepathy/, 'the refusal must name the flow');
    },
  },
  {
    name: 'a session that the site does not know is no login',
    async run({ stage: { platform, newContext }, io }) {
      if (!platform.flows.some((f) => f.id === 'cookies')) return;
      const context = await newContext();
      await expectFault(platform.login('cookies', io(undefined, context), () => Promise.reject(new Error('nobody'))).next(), 'the login by cookies without a session', 'logged-out');
      await context.close();
    },
  },
  {
    name: 'an aborted login ends at once',
    async run({ stage: { platform, newContext }, io }) {
      const flow = platform.flows.find((f) => f.id !== 'cookies');
      if (!flow) return;
      const abort = new AbortController();
      const context = await newContext();
      const steps = platform.login(flow.id, io(abort.signal, context), (txn) => new Promise((_, reject) => abort.signal.addEventListener('abort', () => reject(new Error(`taken back: ${txn}`)))));
      await steps.next();
      const next = steps.next();
      abort.abort(new Error('taken back'));
      assert(await next.then(() => false, () => true), 'the login went on after it was aborted');
      await context.close();
    },
  },
  {
    name: 'logs in, shows a dead code anew, and then holds a session',
    first: true,
    async run(session) {
      const { platform, replica, newContext } = session.stage;
      const flows = platform.flows.filter((f) => f.id !== 'cookies').map((f) => f.id);
      // The last one is the session that the other checks use.
      for (const flow of flows.reverse()) {
        await session.tidy();
        const context = flow === flows.at(-1) ? undefined : await newContext();
        const io = session.io(undefined, context);
        let codes = 0;
        const steps = await session.logIn(flow, io, async (step: Step) => {
          if (step.kind !== 'qr') return;
          assert.equal(step.image.subarray(1, 4).toString(), 'PNG', 'the picture of the code must be a PNG');
          if (++codes === 1 && replica.expireCode) await replica.expireCode();
          else await replica.confirm?.(step.image);
        });
        if (flow === 'qrcode' && replica.expireCode) assert.equal(codes, 2, 'a dead code must be shown anew, as a new step');
        unique(steps.map((s) => s.txn), 'txn of the login\'s steps');
        const done = steps.at(-1);
        assert(done?.kind === 'done', `the last step of the login by ${flow} is ${done?.kind ?? 'none'}, it must be done`);
        assert(done.user.id !== '' && done.user.nickname !== '', 'done: user.id and user.nickname must not be empty');
        if (done.validUntil !== null) assert(done.validUntil > Date.now(), 'done: validUntil is over already');
        assert.equal(await platform.check(io), 'valid', `check() after the login by ${flow}`);
        if (platform.flows.some((f) => f.id === 'cookies')) {
          const again = await session.logIn('cookies', io);
          const same = again.at(-1);
          assert(same?.kind === 'done' && same.user.id === done.user.id, 'the login by cookies with this session must say whose it is');
        }
        await context?.close();
      }
    },
  },
  {
    name: 'comments come whole at first, then only what is new, ids unique and stable',
    async run({ stage: { platform, replica }, io }) {
      if (!platform.can.comments) return expectFault(platform.comments(null, io()), 'comments, which it has not', 'refused');
      const first = await platform.comments(null, io());
      assert(first.items.length > 0, 'the replica has comments, none was found');
      unique(first.items.map((c) => c.id), 'comments');
      assert.deepEqual((await platform.comments(null, io())).items.map((c) => c.id), first.items.map((c) => c.id), 'ids of comments must stay the same');
      assert.deepEqual((await platform.comments(first.cursor, io())).items, [], 'with the cursor nothing is new');
      const text = `a new one <script>x</script> & ${randomUUID()}`;
      await replica.addComment(text);
      const second = await platform.comments(first.cursor, io());
      assert.deepEqual(second.items.map((c) => c.text), [text], 'the new comment, and no other, comes with the cursor');
      const item = second.items[0]!;
      for (const [what, value] of [['author.id', item.author.id], ['author.name', item.author.name], ['post.id', item.post.id], ['post.title', item.post.title]] as const) assert(value !== '', `${what} of a comment is empty`);
      assert(Math.abs(item.at - Date.now()) < 120_000, `the time of a comment written now is ${new Date(item.at).toISOString()}`);
      assert.deepEqual((await platform.comments(second.cursor, io())).items, [], 'with the next cursor nothing is new');
    },
  },
  {
    name: 'messages come whole at first, then what is new',
    async run({ stage: { platform, replica }, io }) {
      if (!platform.can.messages) return expectFault(platform.messages(null, io()), 'messages, which it has not', 'refused');
      const first = await platform.messages(null, io());
      assert(first.items.length > 0, 'the replica has messages, none was found');
      unique(first.items.map((m) => m.id), 'messages');
      assert.deepEqual((await platform.messages(first.cursor, io())).items, [], 'with the cursor nothing is new');
      await replica.addMessage('are you there?');
      const known = new Set(first.items.map((m) => m.id));
      const fresh = (await platform.messages(first.cursor, io())).items.filter((m) => !known.has(m.id));
      assert.deepEqual(fresh.map((m) => [m.text, m.direction]), [['are you there?', 'inbound']], 'the new message, and no other, comes with the cursor');
      assert(fresh[0]!.sender.id !== '', 'sender.id of a message is empty');
    },
  },
  {
    name: 'the self-test of selectors finds pages to go through',
    async run({ stage: { platform }, io }) {
      if (!platform.tour) return;
      const pages: string[] = [];
      for await (const name of platform.tour(io())) pages.push(name);
      assert(pages.length > 0, 'tour() went to no page: the self-test would call every selector missing');
      unique(pages, 'tour()');
    },
  },
  {
    name: 'preparing sends nothing; pressing sends once; pressing again is refused; it is found afterwards',
    async run({ stage: { platform, replica }, io, newestComment }) {
      if (!platform.can.replyComment) return;
      const to = await newestComment();
      const text = `thank you ${randomUUID()}`;
      const since = Date.now();
      const before = (await replica.sent()).length;
      assert.equal(await platform.find(to, text, since, io()), null, 'find() before anything was sent');
      const ready = await platform.prepare(to, text, io());
      assert.equal((await replica.sent()).length, before, 'prepare() has sent something');
      await ready.press();
      await expectFault(ready.press(), 'pressing twice', 'refused', 'maybe');
      assert.deepEqual((await replica.sent()).slice(before), [text], 'the ledger after one press');
      assert((await platform.find(to, text, since, io()))?.remoteId, 'find() after the press must give a remoteId');
    },
  },
  {
    name: 'a reply is found under its own target alone, and what stands there is told',
    async run({ stage: { platform }, io }) {
      if (!platform.can.replyComment) return;
      const { items } = await platform.comments(null, io());
      const [one, other] = [items.at(-1)!, items.at(-2)];
      const target = (c: typeof one): Target => ({ type: 'comment', comment: c.id, post: c.post.id });
      const text = `only here ${randomUUID()}`;
      const since = Date.now();
      await (await platform.prepare(target(one), text, io())).press();
      let saw: string | null = null;
      assert(await platform.find(target(one), text, since, { ...io(), saw: (told) => void (saw = told) }), 'find() under the target');
      if (saw !== null) assert.match(saw, new RegExp(text), 'what find() saw must hold the reply that is there');
      if (other) assert.equal(await platform.find(target(other), text, since, io()), null, 'find() under another comment');
    },
  },
  {
    name: 'a reply to a message goes to its sender',
    async run({ stage: { platform, replica }, io }) {
      if (!platform.can.replyMessage) return;
      const { items } = await platform.messages(null, io());
      const last = items.findLast((m) => m.direction === 'inbound');
      assert(last, 'no inbound message to answer');
      const to: Target = { type: 'message', message: last.id, sender: last.sender.id };
      const text = `dear ${randomUUID()}`;
      await (await platform.prepare(to, text, io())).press();
      assert.equal((await replica.sent()).at(-1), text, 'the ledger\'s last row');
      assert(await platform.find(to, text, Date.now(), io()), 'find() after the press');
      assert(!(await platform.messages(null, io())).items.some((m) => m.text === text && m.direction === 'inbound'), 'an own message must be outbound');
    },
  },
  {
    name: 'a text that is too long and a target that is gone are refused before anything is sent',
    async run({ stage: { platform, replica }, io, newestComment }) {
      if (!platform.can.replyComment) return;
      const to = await newestComment();
      const before = (await replica.sent()).length;
      await expectFault(platform.prepare(to, 'x'.repeat(platform.can.maxLength + 1), io()), 'a text that is too long', 'refused');
      await expectFault(platform.prepare({ type: 'comment', comment: 'c999999', post: '1' }, 'hello', io()), 'a comment that is gone', 'refused');
      assert.equal((await replica.sent()).length, before, 'something was sent');
    },
  },
  {
    name: 'after the site logged everybody out every method says so',
    async run({ stage: { platform, replica }, io, newestComment }) {
      const to: Target = platform.can.replyComment ? await newestComment() : { type: 'message', message: '1', sender: '1' };
      await replica.logOutAll();
      assert.equal(await platform.check(io()), 'expired', 'check()');
      await expectFault(platform.prepare(to, 'hello', io()), 'prepare()', 'logged-out');
      if (platform.can.comments) await expectFault(platform.comments(null, io()), 'comments()', 'logged-out');
      if (platform.can.messages) await expectFault(platform.messages(null, io()), 'messages()', 'logged-out');
    },
  },
];
