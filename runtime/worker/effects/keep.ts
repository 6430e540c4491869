import { webUrl } from '../../../actors/web-url.ts';
import { effectInput } from '../../../transport/protocol.ts';
import { WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';

const NAVIGATION = 30_000;
const TELL = 1000;

/** The window of an agent for as long as it lives: done when it was closed in order, a fault `crashed` when page or browser died. */
export async function keep(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.keep.parse(raw);
  if (input.url !== null && !webUrl.safeParse(input.url).success) throw new WorkerFault('refused', `url: ${input.url.slice(0, 200)} must begin with http:// or https://`);
  const window = await ctx.windows.open(input.agent, { account: input.account, proxy: input.proxy, viewport: input.viewport }, ctx.signal);
  const closed = new Promise<void>((done) => window.ended.addEventListener('abort', () => done(), { once: true }));
  const aborted = () => void window.close('the master took it back');
  ctx.signal.addEventListener('abort', aborted, { once: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    if (input.url !== null) await window.page.goto(input.url, { waitUntil: 'domcontentloaded', timeout: NAVIGATION }).catch((error: Error) => ctx.log('warn', 'task', `the first page of ${input.agent} did not open: ${error.message.split('\n', 1)[0]}`, { agent: input.agent }));
    let told = await where();
    if (!window.ended.aborted) ctx.emit({ type: 'OPENED', window: input.agent, ...told });
    const look = async () => {
      timer = undefined;
      const now = await where();
      if (window.ended.aborted || (now.url === told.url && now.title === told.title)) return;
      told = now;
      ctx.emit({ type: 'CHANGED', ...now });
    };
    window.onMove(() => (timer ??= setTimeout(() => void look().catch(() => undefined), TELL)));
    await closed;
    if (ctx.signal.aborted) throw ctx.signal.reason;
    const why = window.ended.reason as WorkerFault;
    if (why.kind !== 'closed') throw why;
    return { closed: why.message };
  } finally {
    clearTimeout(timer);
    ctx.signal.removeEventListener('abort', aborted);
    await window.close();
  }

  async function where(): Promise<{ url: string; title: string }> {
    return { url: window.page.url().slice(0, 2000), title: (await window.page.title().catch(() => '')).slice(0, 300) };
  }
}
