import type { Db } from './read-model.ts';
export const openAlerts = (_db: Db): { id: string; name: string; status: string; sinceMs: number; text: string }[] => [];
