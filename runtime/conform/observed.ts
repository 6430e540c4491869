/** What must agree after every step. `acts` are named actions with their parameters, `emitted` events, both as JSON. */
export type Observed = { status: string; value: unknown; context: unknown; output: unknown; emitted: string[]; acts: string[] };
