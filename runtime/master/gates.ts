import type { Db } from '../read-model/store.ts';

export type Held = { group?: string | null; lane?: string | null; kind?: string | null; account?: string | null; platform?: string | null };
type Row = { scope: string; name: string; by: string; reason: string };

/** What is paused, as the view has it. */
export class Gates {
  private readonly rows;
  private pauses = new Map<string, Row>();

  constructor(db: Db) {
    this.rows = db.prepare('SELECT scope, name, by, reason FROM pauses');
    this.refresh();
  }

  refresh(): void {
    this.pauses = new Map((this.rows.all() as Row[]).map((r) => [`${r.scope} ${r.name}`, r]));
  }

  /** Why it is held, the widest first, or null. */
  holds({ group, lane, kind, account, platform }: Held): string | null {
    if (this.pauses.size === 0) return null;
    const found = this.pauses.get('fleet fleet') ?? (group && this.pauses.get(`group ${group}`)) ?? (platform && this.pauses.get(`platform ${platform}`)) ?? (account && this.pauses.get(`account ${account}`)) ?? (group && lane && this.pauses.get(`queue ${group}.${lane}`)) ?? (kind && this.pauses.get(`kind ${kind}`));
    return found ? `paused by ${found.by.replace(/^(user|token):/, '')}${found.reason ? `: ${found.reason}` : ''}` : null;
  }
}
