import { randomUUID } from 'node:crypto';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlatformFault, type Io, type Platform, type Step, type Target } from '../../platforms/contract.ts';

/** One platform against a site that the test controls. */
export type PlatformStage = {
  platform: Platform;
  newContext(): Promise<BrowserContext>;
  /** Confirms the login that this code stands for; returns the answer to its challenge, if one was demanded. */
  confirm(qr: Buffer): Promise<string | null>;
  expireCode(): Promise<void>;
  logOutAll(): Promise<void>;
  addComment(text: string): Promise<void>;
  addMessage(text: string): Promise<void>;
  /** What was really posted, in order. */
  sent(): Promise<string[]>;
  stop(): Promise<void>;
};

const nobody = () => Promise.reject(new Error('no answer was expected to be asked for'));

/** What every platform must do, whatever site it knows. */
export function platformCases(name: string, make: () => Promise<PlatformStage>): void {
  describe(`platform ${name}`, () => {
    let stage: PlatformStage;
    let context: BrowserContext;
    const pages: Page[] = [];
    const ioOf = (signal: AbortSignal = new AbortController().signal, of: BrowserContext = context): Io => {
      let page: Page | null = null;
      return {
        account: 'acc-1', context: of, signal, log: () => undefined, screenshot: async () => undefined,
        async page() {
          if (!page || page.isClosed()) pages.push((page = await of.newPage()));
          return page;
        },
      };
    };
    const comment = async (): Promise<Target> => {
      const { items } = await stage.platform.comments(null, ioOf());
      const newest = items.at(-1)!;
      return { type: 'comment', comment: newest.id, post: newest.post.id };
    };

    beforeAll(async () => {
      stage = await make();
      context = await stage.newContext();
    });
    afterAll(async () => {
      await context?.close();
      await stage?.stop();
    });

    test('says what it is and can', () => {
      const { id, label, flows, can } = stage.platform;
      expect(id).toMatch(/^[a-z0-9][a-z0-9-]*$/);
      expect(label.length).toBeGreaterThan(0);
      expect(flows.map((f) => f.id)).toContain('qrcode');
      expect(can.maxLength).toBeGreaterThan(0);
    });

    test('a session that is not there is expired, and reading says logged-out', async () => {
      expect(await stage.platform.check(ioOf())).toBe('expired');
      await expect(stage.platform.comments(null, ioOf())).rejects.toMatchObject({ name: 'PlatformFault', kind: 'logged-out', sent: 'no' });
    });

    test('an unknown login flow is refused by name', async () => {
      await expect((async () => stage.platform.login('telepathy', ioOf(), nobody).next())()).rejects.toThrow('telepathy');
    });

    test('an aborted login ends at once', async () => {
      const abort = new AbortController();
      const own = await stage.newContext();
      const steps = stage.platform.login('qrcode', ioOf(abort.signal, own), nobody);
      await steps.next();
      const next = steps.next();
      abort.abort(new Error('taken back'));
      await expect(next).rejects.toThrow();
      await own.close();
    });

    test('logs in by code, shows a dead code anew, and then holds a session', async () => {
      const steps: Step[] = [];
      for await (const step of stage.platform.login('qrcode', ioOf(), nobody)) {
        steps.push(step);
        if (step.kind !== 'qr') continue;
        expect(step.image.subarray(1, 4).toString()).toBe('PNG');
        if (steps.filter((s) => s.kind === 'qr').length === 1) await stage.expireCode();
        else await stage.confirm(step.image);
      }
      expect(steps.filter((s) => s.kind === 'qr')).toHaveLength(2);
      expect(new Set(steps.map((s) => s.txn)).size).toBe(steps.length);
      const done = steps.at(-1)!;
      if (done.kind !== 'done') throw new Error(`the last step is ${done.kind}`);
      expect(done.user.id).not.toBe('');
      expect(done.user.nickname).not.toBe('');
      expect(done.validUntil).toBeGreaterThan(Date.now());
      expect(await stage.platform.check(ioOf())).toBe('valid');
    });

    test('comments come whole at first, then only what is new, ids unique and stable', async () => {
      const first = await stage.platform.comments(null, ioOf());
      expect(first.items.length).toBeGreaterThan(0);
      expect(new Set(first.items.map((c) => c.id)).size).toBe(first.items.length);
      expect((await stage.platform.comments(null, ioOf())).items.map((c) => c.id)).toEqual(first.items.map((c) => c.id));
      expect((await stage.platform.comments(first.cursor, ioOf())).items).toEqual([]);
      const text = `a new one <script>x</script> & ${randomUUID()}`;
      await stage.addComment(text);
      const second = await stage.platform.comments(first.cursor, ioOf());
      expect(second.items).toHaveLength(1);
      const [item] = second.items;
      expect(item).toMatchObject({ text, author: { id: expect.stringMatching(/./), name: expect.stringMatching(/./) }, post: { id: expect.stringMatching(/./), title: expect.stringMatching(/./) } });
      expect(Math.abs(item!.at - Date.now())).toBeLessThan(120_000);
      expect((await stage.platform.comments(second.cursor, ioOf())).items).toEqual([]);
    });

    test('messages come whole at first, then what is new', async () => {
      if (!stage.platform.can.messages) {
        await expect(stage.platform.messages(null, ioOf())).rejects.toMatchObject({ kind: 'refused' });
        return;
      }
      const first = await stage.platform.messages(null, ioOf());
      expect(first.items.length).toBeGreaterThan(0);
      expect((await stage.platform.messages(first.cursor, ioOf())).items).toEqual([]);
      await stage.addMessage('are you there?');
      const second = await stage.platform.messages(first.cursor, ioOf());
      const known = new Set(first.items.map((m) => m.id));
      expect(second.items.filter((m) => !known.has(m.id))).toMatchObject([{ text: 'are you there?', direction: 'inbound', sender: { id: expect.stringMatching(/./) } }]);
    });

    test('preparing sends nothing; pressing sends once; pressing again is refused; it is found afterwards', async () => {
      const to = await comment();
      const text = `thank you ${randomUUID()}`;
      const since = Date.now();
      const before = (await stage.sent()).length;
      expect(await stage.platform.find(to, text, since, ioOf())).toBeNull();
      const ready = await stage.platform.prepare(to, text, ioOf());
      expect(await stage.sent()).toHaveLength(before);
      await ready.press();
      await expect(ready.press()).rejects.toMatchObject({ name: 'PlatformFault', sent: 'maybe' });
      expect((await stage.sent()).slice(before)).toEqual([text]);
      expect(await stage.platform.find(to, text, since, ioOf())).toMatchObject({ remoteId: expect.stringMatching(/./) });
    });

    test('a reply to a message goes to its sender', async () => {
      if (!stage.platform.can.replyMessage) return;
      const { items } = await stage.platform.messages(null, ioOf());
      const last = items.findLast((m) => m.direction === 'inbound')!;
      const to: Target = { type: 'message', message: last.id, sender: last.sender.id };
      const text = `dear ${randomUUID()}`;
      await (await stage.platform.prepare(to, text, ioOf())).press();
      expect((await stage.sent()).at(-1)).toBe(text);
      expect(await stage.platform.find(to, text, Date.now(), ioOf())).not.toBeNull();
    });

    test('a text that is too long and a target that is gone are refused before anything is sent', async () => {
      const to = await comment();
      const before = (await stage.sent()).length;
      await expect(stage.platform.prepare(to, 'x'.repeat(stage.platform.can.maxLength + 1), ioOf())).rejects.toMatchObject({ kind: 'refused', sent: 'no' });
      await expect(stage.platform.prepare({ type: 'comment', comment: 'c999999', post: '1' }, 'hello', ioOf())).rejects.toMatchObject({ kind: 'refused', sent: 'no' });
      expect(await stage.sent()).toHaveLength(before);
    });

    test('after the site logged everybody out every method says so', async () => {
      const to = await comment();
      await stage.logOutAll();
      expect(await stage.platform.check(ioOf())).toBe('expired');
      const fault = await stage.platform.prepare(to, 'hello', ioOf()).then(() => null, (error: unknown) => error);
      expect(fault).toBeInstanceOf(PlatformFault);
      expect(fault).toMatchObject({ kind: 'logged-out', sent: 'no' });
      expect(pages.length).toBeGreaterThan(0);
    });
  });
}
