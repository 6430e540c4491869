import type { BrowserContext, Page } from 'playwright';
import type { Io, Platform, Step, Target } from '../../platforms/contract.ts';
import type { Replica } from '../../platforms/replica.ts';

/** One platform against a site that stands in for the real one. */
export type Stage = { platform: Platform; replica: Replica; newContext(): Promise<BrowserContext>; stop(): Promise<void> };

/** What the checks share: one browser that stays logged in from one check to the next. */
export type Session = {
  stage: Stage;
  io(signal?: AbortSignal, of?: BrowserContext): Io;
  /** Walks one login to its end, answering as the replica's user; `each` sees every step first. */
  logIn(flow: string, io: Io, each?: (step: Step) => Promise<void>): Promise<Step[]>;
  newestComment(): Promise<Target>;
  /** Closes the pages that calls have left open, as a worker does. */
  tidy(): Promise<void>;
  close(): Promise<void>;
};

export async function openSession(stage: Stage): Promise<Session> {
  const context = await stage.newContext();
  const { platform, replica } = stage;
  const pages: Page[] = [];
  const io: Session['io'] = (signal = new AbortController().signal, of = context) => {
    let page: Page | null = null;
    return {
      account: 'acc-1', context: of, signal, log: () => undefined, screenshot: async () => undefined,
      async page() {
        if (!page || page.isClosed()) pages.push((page = await of.newPage()));
        return page;
      },
    };
  };
  return {
    stage, io,
    async logIn(flow, about, each) {
      const steps: Step[] = [];
      const asked = new Map<string, Promise<string>>();
      for await (const step of platform.login(flow, about, (txn) => asked.get(txn) ?? Promise.reject(new Error(`an answer was asked for to the step ${txn}, which was not shown`)))) {
        steps.push(step);
        await each?.(step);
        if (step.kind === 'challenge' && step.what !== 'confirm') asked.set(step.txn, replica.answer(step));
        else if (step.kind === 'challenge') await replica.answer(step);
      }
      return steps;
    },
    async newestComment() {
      const { items } = await platform.comments(null, io());
      const newest = items.at(-1);
      if (!newest) throw new Error('the replica shows no comment');
      return { type: 'comment', comment: newest.id, post: newest.post.id };
    },
    async tidy() {
      await Promise.all(pages.splice(0).map((page) => page.close().catch(() => undefined)));
    },
    async close() {
      await context.close();
    },
  };
}
