import { createHmac } from 'node:crypto';

/** The NATS user that any holder of the pre-shared key may be, to ask for a user of its machine's own. */
export const JOIN_USER = 'join';
/** The NATS user of a machine's agent. No worker may have such a name. */
export const agentUser = (machine: string): string => `agent-${machine}`;

/** Whoever holds the next key logs in under this name until the old one is gone: a NATS user has one password. No id has a dot. */
export const nextUser = (user: string): string => `${user}.next`;
/** Tells two pre-shared keys apart, and says nothing else of them. */
export const pskName = (psk: string): string => derived(psk, 'troupe key name').slice(0, 12);

function derived(psk: string, label: string): string {
  return createHmac('sha256', psk).update(label).digest('hex');
}

/** Labels of their own keep these apart from every worker's password: an id has no blanks. */
export const joinPassword = (psk: string): string => derived(psk, 'troupe join');
/** Bound to one installation: a machine that is set up anew makes the earlier one's password void. */
export const agentPassword = (psk: string, machine: string, install: string): string => derived(psk, `troupe agent ${machine} ${install}`);
