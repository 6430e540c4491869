import { describe, expect, it, vi } from 'vitest';
import type { WindowRequest } from '../../transport/protocol.ts';
import { CastHub, type Frame } from '../../runtime/http/windows/cast-hub.ts';
import { pictureOf } from '../../runtime/http/windows/pictures.ts';
import { Takeovers } from '../../runtime/http/windows/takeovers.ts';
import type { WindowsPort } from '../../runtime/http/windows/windows-port.ts';
import { Control } from '../../runtime/worker/windows/control.ts';

const place = { worker: 'w1', window: 'g1', actor: 'agent/g1', title: 'G', base: '/agents/g1' };
const state = { url: 'http://x.test', title: 'X', control: null, task: null };

/** A worker on the other end of a wire. */
function wire(answer: (request: WindowRequest) => object | Uint8Array = () => ({ ok: true, ...state })) {
  const asked: WindowRequest[] = [];
  const takes = new Set<(message: Uint8Array) => void>();
  const port: WindowsPort = {
    ask: async (_, request) => {
      asked.push(request);
      const said = answer(request);
      return said instanceof Uint8Array ? said : Buffer.from(JSON.stringify(said));
    },
    listen: (_, __, take) => {
      takes.add(take);
      return () => void takes.delete(take);
    },
  };
  return { port, asked, takes, tell: (message: object | Uint8Array) => takes.forEach((t) => t(message instanceof Uint8Array ? message : Buffer.from(JSON.stringify(message)))) };
}

describe('who acts in a window by hand', () => {
  const typed: string[] = [];
  const page = { viewportSize: () => ({ width: 200, height: 100 }), mouse: { move: async (x: number, y: number) => void typed.push(`move ${x},${y}`), down: async () => void typed.push('down'), up: async () => void typed.push('up'), wheel: async (x: number, y: number) => void typed.push(`wheel ${x},${y}`) }, keyboard: { press: async (k: string) => void typed.push(k), insertText: async (t: string) => void typed.push(t) } } as never;

  it('is one at a time, until they let go or are idle; places are scaled to the view', async () => {
    vi.useFakeTimers();
    try {
      const told: unknown[] = [];
      const control = new Control((ended) => told.push(ended ?? 'taken'), () => 1000);
      control.take('first-holder', 'user:ann');
      expect(() => control.take('other-holder', 'user:bob')).toThrow('user:ann has taken over: wait until they hand back');
      await control.input('first-holder', page, [{ is: 'down', x: 0.5, y: 0.25, button: 'left', clicks: 1 }, { is: 'up', x: 0.5, y: 0.25, button: 'left', clicks: 1 }, { is: 'wheel', x: 1, y: 1, dx: 0, dy: 30 }, { is: 'key', key: 'Enter' }, { is: 'text', text: 'hi' }]);
      expect(typed).toEqual(['move 100,25', 'down', 'move 100,25', 'up', 'move 200,100', 'wheel 0,30', 'Enter', 'hi']);
      expect(() => control.input('other-holder', page, [])).toThrow('you have not taken over');
      control.take('second-page', 'user:ann');
      expect(() => control.input('first-holder', page, [])).toThrow('you have not taken over');
      vi.advanceTimersByTime(900);
      await control.input('second-page', page, [{ is: 'move', x: 0, y: 0 }]);
      vi.advanceTimersByTime(900);
      expect(control.by).toBe('user:ann');
      vi.advanceTimersByTime(200);
      expect(control.by).toBeNull();
      control.end('second-page', 'handed back');
      expect(told).toEqual(['taken', { holder: 'first-holder', why: 'taken over on another page' }, 'taken', { holder: 'second-page', why: 'idle for a minute' }]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is told to have ended once: by the worker, or when the worker goes silent', () => {
    vi.useFakeTimers();
    try {
      const w = wire();
      const takeovers = new Takeovers(w.port, 1000);
      const ends: string[] = [];
      takeovers.begin(place, 'holder-1', (why) => ends.push(`1 ${why}`));
      takeovers.begin(place, 'holder-2', (why) => ends.push(`2 ${why}`));
      takeovers.begin(place, 'holder-3', (why) => ends.push(`3 ${why}`));
      takeovers.drop('holder-3');
      w.tell({ ...state, ended: { holder: 'holder-1', why: 'handed back' } });
      w.tell({ ...state, ended: { holder: 'holder-1', why: 'again' } });
      vi.advanceTimersByTime(900);
      takeovers.used('holder-2');
      vi.advanceTimersByTime(900);
      expect(ends).toEqual(['1 handed back']);
      vi.advanceTimersByTime(200);
      expect(ends).toEqual(['1 handed back', '2 nothing was heard of the worker']);
      expect(w.takes.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what a window shows', () => {
  it('is asked for once however many look, renewed while they do, and given up with the last', async () => {
    vi.useFakeTimers();
    try {
      const w = wire();
      const hub = new CastHub(w.port);
      const frames: Frame[] = [];
      const states: string[] = [];
      const viewer = { frame: (f: Frame) => void frames.push(f), state: (s: { url: string }) => void states.push(s.url), failed: (e: Error) => void states.push(e.message) };
      const stop = [hub.watch(place, viewer), hub.watch(place, { ...viewer })];
      await vi.advanceTimersByTimeAsync(4100);
      expect([hub.open, w.takes.size, w.asked.length]).toEqual([1, 1, 3]);
      w.tell(Uint8Array.from([0x03, 0xe8, 0x03, 0x20, 0xff, 0xd8]));
      expect(frames.map((f) => [f.width, f.height, f.jpeg[0]])).toEqual([[1000, 800, 0xff], [1000, 800, 0xff]]);
      stop.forEach((s) => s());
      await vi.advanceTimersByTimeAsync(20_000);
      expect([hub.open, w.takes.size, w.asked.length]).toEqual([0, 0, 3]);
      const gone = wire(() => ({ ok: false, code: 'unavailable', message: 'worker w1 is not there' }));
      const end = new CastHub(gone.port).watch(place, viewer);
      await vi.advanceTimersByTimeAsync(10);
      expect(states.at(-1)).toBe('worker w1 is not there');
      end();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is a picture at most a second old; a refusal is not kept', async () => {
    let fine = false;
    const w = wire(() => (fine ? Uint8Array.from([0xff, 0xd8, 1]) : { ok: false, code: 'not_found', message: 'g1 has no window on this worker' }));
    const d = { windows: w.port };
    await expect(pictureOf(d, place, 320)).rejects.toMatchObject({ status: 404, message: 'g1 has no window on this worker' });
    fine = true;
    const many = await Promise.all(Array.from({ length: 20 }, () => pictureOf(d, place, 320)));
    expect(many.every((p) => p[2] === 1)).toBe(true);
    expect(w.asked).toHaveLength(2);
    await pictureOf(d, place, 640);
    expect(w.asked).toHaveLength(3);
  });
});
