import type { Step } from './contract.ts';

/**
 * A site that stands in for the real one: the same structure, on this machine, in the hands of a test.
 * Its user must be able to log in again and again, each time in a new browser.
 */
export type Replica = {
  /** Takes the place of scheme, host and port in every address of config.json. */
  url: string;
  /** What the person types in at this step of a login: a name, a password, a code. */
  answer(step: Extract<Step, { kind: 'challenge' }>): Promise<string>;
  /** The phone scans this picture of a code and confirms. */
  confirm?(qr: Buffer): Promise<void>;
  /** The code that is shown dies. */
  expireCode?(): Promise<void>;
  /** The site ends every session. */
  logOutAll(): Promise<void>;
  /** Somebody writes under a post of the user, or to the user. */
  addComment(text: string): Promise<void>;
  addMessage(text: string): Promise<void>;
  /** The ledger: texts that the user has posted, in order, each as often as it was taken. */
  sent(): Promise<string[]>;
  stop(): Promise<void>;
};

/** What `replica.js` in a platform's folder exports. */
export type ReplicaModule = { start(): Promise<Replica> };
