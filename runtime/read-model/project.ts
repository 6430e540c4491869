import type { Entry } from '../../actors/entry.ts';

/** Makes a notification; one key makes one. */
export type Notify = (n: { key: string; type: string; account: string | null; related: string | null; title: string; content: string; priority: string; at: number; data?: unknown }) => void;

/** The newest entry of an actor to the rows that seeds and pages name. */
export type Project = (id: string, entry: Entry, state: string, status: string) => void;
