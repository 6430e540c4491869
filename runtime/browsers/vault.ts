/** An account's secrets, opened and sealed by the master; the key never comes here. Fields: storage, fingerprint, proxy. */
export type Vault = {
  get(account: string, field: string): Promise<string | null>;
  put(account: string, field: string, value: string): Promise<void>;
};
