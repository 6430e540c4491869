export type Priority = 'low' | 'normal' | 'high' | 'urgent';
export type NoticeType = 'comment' | 'direct_message' | 'account_status' | 'system';

/** One notification on its way out; `at` is epoch milliseconds, `key` names it once for ever. */
export type Notice = { key: string; type: NoticeType; account: string | null; accountName: string | null; title: string; content: string; priority: Priority; at: number };
