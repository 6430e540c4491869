import { createHash } from 'node:crypto';

/** What makes a talk one talk: the account, and who writes to it; of comments also under which post. Ids are the platform's. */
export type ConversationKey = { account: string; type: 'message'; peer: string } | { account: string; type: 'comment'; peer: string; post: string };

/** The id of a talk: the same wherever it is worked out, so that its actor need not be there before somebody acts on it. */
export const conversationId = (key: ConversationKey): string =>
  `v${createHash('sha256').update(JSON.stringify([key.account, key.type, key.peer, key.type === 'comment' ? key.post : ''])).digest('hex').slice(0, 24)}`;
