/** An account's secrets, opened and sealed by the master; the key never comes here. Fields: storage, fingerprint, proxy, and `proxy@<id>` for the password of a proxy that it goes by. */
export type Vault = {
  get(account: string, field: string): Promise<string | null>;
  put(account: string, field: string, value: string): Promise<void>;
};
