import { selectorsRequest, windowRequest, type Answer, type SelectorReport, type SelectorsRequest, type WindowState } from '../../../transport/protocol.ts';
import { ToolFault } from '../../tools/tool-fault.ts';
import type { Kept } from '../../tools/tool.ts';
import { WorkerFault } from '../fault.ts';
import { Cast } from './cast.ts';
import { Control } from './control.ts';
import { pictureOf } from './picture.ts';
import { whoText, type Window } from './window.ts';
import type { Windows } from './windows.ts';

/** What a direct answer carries itself, as bytes; beyond it goes into the object store. */
const INLINE = 350_000;
/** The answer must come within the minute that the server leaves for it. */
const LONGEST = 50_000;

export type DeskOptions = {
  windows: Windows;
  cast(agent: string, message: Uint8Array): void;
  /** Puts bytes into the object store. */
  store(name: string, bytes: Buffer, type: string): Promise<void>;
  /** Looks which selectors of an account's platform match. */
  selectors?(request: SelectorsRequest): Promise<SelectorReport>;
  /** How long one who took over may do nothing, ms. */
  idleMs?: () => number;
};

type Seat = { window: Window; cast: Cast; control: Control };

/** Answers what people and programs ask of this worker's windows directly: pictures, tools, the live view, inputs by hand. */
export class WindowDesk {
  readonly #o: DeskOptions;
  readonly #seats = new Map<string, Seat>();

  constructor(options: DeskOptions) {
    this.#o = options;
  }

  /** One request: a JPEG, or an answer as JSON. */
  async take(data: Uint8Array): Promise<Uint8Array | string> {
    try {
      const json = JSON.parse(Buffer.from(data).toString('utf8')) as unknown;
      const test = selectorsRequest.safeParse(json);
      if (test.success && this.#o.selectors) return say({ ok: true, ...(await this.#o.selectors(test.data)) });
      const parsed = windowRequest.safeParse(json);
      if (!parsed.success) {
        const issue = parsed.error.issues[0]!;
        throw new ToolFault('invalid', `${issue.path.join('.')}: ${issue.message}`, issue.path.join('.') || null);
      }
      const request = parsed.data;
      const window = this.#o.windows.of(request.agent);
      if (!window) throw new WorkerFault('not_found', `${request.agent} has no window on this worker`);
      switch (request.op) {
        case 'picture':
          return await pictureOf(window.page, request.width, request.quality);
        case 'tool':
          return say({ ok: true, value: await this.#tool(window, request.tool, request.args, request.by) });
        case 'watch': {
          const seat = this.#seat(window);
          const begun = seat.cast.renew(request.fps, request.width);
          const state = await this.#state(seat);
          await begun;
          return say({ ok: true, ...state });
        }
        case 'control': {
          const { control } = this.#seat(window);
          if (request.do === 'take') control.take(request.holder, request.by);
          else control.end(request.holder, 'handed back');
          return say({ ok: true });
        }
        case 'input':
          await this.#seat(window).control.input(request.holder, window.page, request.inputs);
          return say({ ok: true });
      }
    } catch (error) {
      return say(refusal(error));
    }
  }

  async #tool(window: Window, tool: string, args: Record<string, unknown>, by: string): Promise<unknown> {
    const limit = AbortSignal.timeout(LONGEST);
    if (typeof args['timeoutMs'] === 'number' && args['timeoutMs'] > LONGEST) throw new ToolFault('invalid', `${tool}: timeoutMs: must be at most ${LONGEST} for a direct call; longer work is a task`, 'timeoutMs');
    // What is wrong with the request is said even while somebody else has the window.
    this.#o.windows.checkTool(tool, args);
    return window.use({ by }, limit, (signal) => this.#o.windows.runTool(window, tool, args, signal, this.#keep(window.agent)), false);
  }

  #keep = (agent: string) => async (name: string, type: string, body: Buffer): Promise<Kept> => {
    if (body.length <= INLINE) return { name, type, bytes: body.length, base64: body.toString('base64') };
    const object = `agents/${agent}/${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}/${name}`;
    await this.#o.store(object, body, type);
    return { name, type, bytes: body.length, object };
  };

  /** Made when somebody first looks at a window, and gone with it. */
  #seat(window: Window): Seat {
    const known = this.#seats.get(window.agent);
    if (known?.window === window) return known;
    const publish = (message: Uint8Array) => this.#o.cast(window.agent, message);
    const tell = (ended?: { holder: string; why: string }) => void this.#state(seat).then((state) => publish(Buffer.from(JSON.stringify({ ...state, ...(ended ? { ended } : {}) }))));
    const seat: Seat = { window, cast: new Cast(window, publish), control: new Control(tell, this.#o.idleMs) };
    this.#seats.set(window.agent, seat);
    const stop = window.onMove(() => tell());
    window.ended.addEventListener('abort', () => {
      stop();
      seat.control.close();
      if (this.#seats.get(window.agent) === seat) this.#seats.delete(window.agent);
      publish(Buffer.from(JSON.stringify({ url: '', title: '', control: null, task: null, gone: true } satisfies WindowState)));
    }, { once: true });
    return seat;
  }

  async #state({ window, control }: Seat): Promise<WindowState> {
    const title = await Promise.race([window.page.title().catch(() => ''), new Promise<string>((done) => setTimeout(() => done(''), 1000).unref())]);
    return { url: window.page.url().slice(0, 2000), title: title.slice(0, 300), control: control.by, task: window.user ? whoText(window.user) : null, gone: window.ended.aborted };
  }
}

const say = (answer: object): string => JSON.stringify(answer);

const CODES: Record<string, string> = { busy: 'conflict', 'unknown-tool': 'not_found', 'element-not-found': 'tool_failed', navigation: 'tool_failed', 'tool-failed': 'tool_failed', crashed: 'unavailable', closed: 'unavailable', refused: 'conflict', network: 'unavailable' };

function refusal(error: unknown): Extract<Answer, { ok: false }> {
  if (error instanceof ToolFault || error instanceof WorkerFault) return { ok: false, code: CODES[error.kind] ?? error.kind, message: error.message, ...(error instanceof ToolFault && error.field ? { field: error.field } : {}) };
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  return { ok: false, code: late ? 'timeout' : 'unavailable', message: late ? `it took over ${LONGEST / 1000} s: longer work is a task` : ((error as Error)?.message ?? String(error)).split('\n', 1)[0]!.slice(0, 500) };
}
