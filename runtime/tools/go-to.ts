import type { Page } from 'playwright';
import { stateOf } from './page-state.ts';
import type { ToolIo } from './tool.ts';

export type WaitUntil = 'commit' | 'domcontentloaded' | 'load' | 'networkidle';
export type Visit = { url: string; title: string; status: number };

/** Opens an address in the window; `status` is 0 where there was no answer with one. */
export async function goTo(io: Pick<ToolIo, 'page' | 'signal' | 'timeoutMs'>, url: string, waitUntil: WaitUntil): Promise<Visit> {
  return visited(io.page, await io.page.goto(url, { waitUntil, timeout: io.timeoutMs }));
}

export const visited = async (page: Page, answer: { status(): number } | null): Promise<Visit> => ({ ...(await stateOf(page)), status: answer?.status() ?? 0 });
