/** An account's own proxy, without its password: that is sealed in the vault under the account's field `proxy`. */
export type OwnProxy = { protocol: 'http' | 'https' | 'socks5'; server: string; username: string | null };
/** What effects are asked with: an own one, or a proxy by its id, which the master puts the rest of in. */
export type Proxy = OwnProxy | { id: string };
export type Lease = { worker: string; incarnation: string; epoch: number; at: number };
export type User = { id: string; nickname: string; avatar: string | null };

export type AccountContext = {
  id: string;
  platform: string;
  name: string;
  platformAccount: string | null;
  /** Seconds; a round comes after this × U(0.75, 1.5). */
  monitorInterval: number;
  proxy: OwnProxy | null;
  /** Goes before `proxy`; null for the worker's own, if it has one. */
  proxyId: string | null;
  user: User | null;
  fingerprint: Record<string, unknown> | null;
  /** The one worker that may act for this account, fenced by a rising epoch. */
  lease: Lease | null;
  epoch: number;
  /** Set by an operator: only this worker. */
  pin: string | null;
  /** Only workers that serve this group; null for `default`. */
  group: string | null;
  /** Where it is on its way to, and where it was last: asked first. */
  prefer: string | null;
  last: string | null;
  /** Why its last worker lost it. */
  moved: string | null;
  login: string | null;
  method: string;
  paused: boolean;
  /** Why the session is as it is, in words for an operator. */
  reason: string | null;
  lastLoginAt: number | null;
  validUntil: number | null;
  /** Replies a minute and an hour at most; quiet hours in the account's time zone, `[from, to)`, null for none; characters of one reply, null for the platform's own. */
  limits: { perMinute: number; perHour: number; quiet: [number, number] | null; maxLength: number | null };
  tags: string[];
  /** Kept with its session, but not monitored and on no worker. */
  archived: boolean;
  /** Minutes between two looks at whether the session holds; 0: none. */
  checkEvery: number;
  lastCheck: { at: number; ok: boolean; why: string | null } | null;
  /** Hours before the session's end at which somebody is told, once. */
  noticeHours: number;
  warnedAt: number | null;
  /** Replies wait for somebody's approval. */
  approve: boolean;
  /** A new fingerprint is to be made. */
  remake: boolean;
  createdAt: number;
  updatedAt: number;
};

export type AccountInput = Pick<AccountContext, 'id' | 'platform' | 'name' | 'platformAccount' | 'monitorInterval' | 'proxy'> & { limits: Omit<AccountContext['limits'], 'maxLength'> & { maxLength?: number | null }; group?: string | null; at: number } & Partial<Pick<AccountContext, 'proxyId' | 'tags' | 'checkEvery' | 'noticeHours' | 'approve'>>;
export type AccountPatch = Partial<Pick<AccountContext, 'name' | 'platformAccount' | 'monitorInterval' | 'proxy' | 'proxyId' | 'limits' | 'group' | 'tags' | 'checkEvery' | 'noticeHours' | 'approve'>>;

export type AccountEvent =
  | { type: 'LOGIN'; login: string; method?: string; by?: string }
  | { type: 'LOGIN_DONE'; login: string; user: User; validUntil: number | null; fingerprint: Record<string, unknown> | null }
  | { type: 'LOGIN_FAILED'; login: string; reason: string }
  | { type: 'LOGIN_CANCELLED'; login: string }
  | { type: 'SESSION_LOST'; reason: string; epoch: number }
  | { type: 'PAUSE'; by?: string }
  | { type: 'RESUME'; by?: string }
  | { type: 'CRAWL_NOW'; by?: string }
  | { type: 'ASSIGN'; worker: string | null; by?: string }
  /** Lets the lease go in order: its worker drains, or another one has more room. */
  | { type: 'MOVE'; epoch: number; to: string | null; reason: string }
  | { type: 'RELEASED'; epoch: number }
  | { type: 'WORKER_LOST'; epoch: number; reason: string }
  | { type: 'UPDATE'; patch: AccountPatch; by?: string }
  | { type: 'CHECK_SESSION'; by?: string }
  | { type: 'ARCHIVE'; by?: string }
  | { type: 'UNARCHIVE'; by?: string }
  | { type: 'REMAKE_FINGERPRINT'; by?: string }
  | { type: 'REMOVE'; by?: string };
