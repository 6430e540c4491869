import type { Flow, Platform } from '../../platforms/contract.ts';

/** A platform as pages and the API show it. `ok` with a `reason`: an earlier good one still works, and that is what is wrong with the newest. */
export type PlatformAbout = { id: string; label: string; ok: boolean; reason: string | null; flows: { id: Flow; label: string }[]; can: Platform['can'] | null; own: boolean };
