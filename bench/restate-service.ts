import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `restate-service FOLDER PORT`: one durable object a key that counts, with the SDK of that folder. */
const [folder, port] = process.argv.slice(2) as [string, string];

// Node 20 lacks it, and the SDK asks for it.
const promise = Promise as unknown as { withResolvers?: () => unknown };
promise.withResolvers ??= () => {
  let resolve!: (v: unknown) => void;
  let reject!: (e: unknown) => void;
  return { promise: new Promise((a, b) => ((resolve = a), (reject = b))), resolve, reject };
};

type State = { get(key: string): Promise<number | null>; set(key: string, value: number): void };
type Sdk = { object(o: { name: string; handlers: Record<string, (ctx: State) => Promise<number>> }): unknown; endpoint(): { bind(o: unknown): { listen(port: number): Promise<number> } } };

const sdk = (await import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve('@restatedev/restate-sdk')).href)) as Sdk;
const count = sdk.object({
  name: 'count',
  handlers: {
    up: async (ctx) => {
      const n = ((await ctx.get('n')) ?? 0) + 1;
      ctx.set('n', n);
      return n;
    },
  },
});
await sdk.endpoint().bind(count).listen(Number(port));
