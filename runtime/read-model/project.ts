import type { Entry } from '../../actors/entry.ts';

/** Makes a notification; one key makes one. */
export type Notify = (n: { key: string; type: string; account: string | null; related: string | null; title: string; content: string; priority: string; at: number; data?: unknown }) => void;

/** An entry of an actor to the rows that seeds and pages name; `newest` where no later one of it follows at once. */
export type Project = (id: string, entry: Entry, state: string, status: string, newest: boolean) => void;
