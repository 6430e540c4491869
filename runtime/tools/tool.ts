import type { Page } from 'playwright';
import { z } from 'zod';

/** Bytes that a tool gives: inline as base64, or under a name in the object store. */
export type Kept = { name: string; type: string; bytes: number; base64?: string; object?: string };

/** The window that a tool works on, for the length of one call. */
export type ToolIo = {
  /** The page that is in front: a popup while there is one. */
  page: Page;
  /** Whose browser the window is in; null for one of nobody's. */
  account: string | null;
  /** Aborted when the call's time is over, when it is called off, and when the page is gone. */
  signal: AbortSignal;
  /** What is left of the call's time, ms. */
  timeoutMs: number;
  keep(name: string, type: string, body: Buffer): Promise<Kept>;
  /** Lets downloads through while `work` runs; at other times the window refuses them. */
  withDownloads<T>(work: () => Promise<T>): Promise<T>;
  /** Closes the window in order. */
  close(): Promise<void>;
  /** Runs another tool in the same call. */
  run(name: string, args: Record<string, unknown>): Promise<unknown>;
};

/**
 * One thing that can be done with a window. `input` checks the arguments and is their documentation; `limitMs` is the time
 * that a call gets when it does not say; `audited`: direct calls of it are kept in the audit with more than its name.
 */
export type Tool = {
  name: string;
  title: string;
  description: string;
  input: z.ZodObject;
  output?: z.ZodType;
  limitMs: number;
  audited: boolean;
  run(io: ToolIo, args: any): Promise<unknown>;
};

export const LONGEST = 120_000;

type Defined<In extends z.ZodObject> = Omit<Tool, 'input' | 'run' | 'limitMs' | 'audited'> & { input: In; limitMs?: number; audited?: boolean; run(io: ToolIo, args: z.output<In>): Promise<unknown> };

/** A tool; every one takes `timeoutMs` besides its own arguments. */
export const defineTool = <In extends z.ZodObject>({ limitMs = 30_000, audited = false, ...rest }: Defined<In>): Tool => ({
  ...rest,
  limitMs,
  audited,
  input: rest.input.extend({ timeoutMs: z.number().int().min(100).max(LONGEST).default(limitMs).describe(`how long it may take, ms, at most ${LONGEST}`) }).strict(),
});
