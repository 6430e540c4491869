import { z } from 'zod';
import { FLOWS, type PlatformConfig } from '../contract.ts';
import { formSelectors } from '../base/form-login.ts';
import { ID } from '../read-config.ts';

/** A pattern with one group: what it catches is the value; anything else stays as it is. */
const pattern = z.string().min(1).max(300).refine((text) => compiles(text), 'is no regular expression');
const list = z.array(z.string().min(1).max(500)).min(1).max(20);
const status = z.array(z.number().int().min(200).max(599)).min(1);

/** Every name that a site of this kind may give selectors for, and what it is. */
export const NAMES = {
  userProfile: 'stands on a page only when the account is logged in', loggedOut: 'stands on a page only when nobody is logged in', challenged: 'a captcha or the like',
  userName: '', userId: '', userAvatar: 'an img', sessionCookie: 'names of cookies',
  loginUser: '', loginPassword: '', loginSubmit: '', loginError: 'what the form says when it refuses', passwordTab: '', smsTab: '', phoneInput: '', phoneSend: '', phoneCode: '', phoneSubmit: '',
  qrCode: '', qrExpired: '', qrRefresh: '', scanned: '', slider: '', smsInput: 'a code asked for after the login', smsSubmit: '', challengePrompt: '', challengeError: '',
  commentItem: 'each comment', commentItemNone: 'the note that there is none', commentId: '', commentText: '', commentAuthor: '', commentAuthorId: '', commentPost: '', commentPostId: '', commentTime: '', commentNext: 'the link to older ones',
  replyOpen: 'pressed inside the comment', replyText: '', replySend: '', replyError: '', ownReply: 'each reply of the account', ownReplyId: '', ownReplyText: '', ownReplyTime: '',
  threadItem: 'each conversation', threadItemNone: '', threadId: '', threadName: '', threadLast: 'changes with every new message', threadLink: 'a link', threadNext: 'the link to further ones',
  messageItem: 'each message', messageId: '', messageText: '', messageOwn: 'there (or not empty) only for the account\'s own', messageTime: '', messageReplyText: '', messageReplySend: '',
} as const;
export type Name = keyof typeof NAMES;

const selectors = z.partialRecord(z.enum(Object.keys(NAMES) as [Name, ...Name[]]), list);

const fields = z.strictObject({
  $schema: z.string().optional(),
  platform: z.string().regex(ID, 'must be the folder\'s name: lower-case letters, digits and hyphens'),
  label: z.string().min(1).max(60),
  extends: z.literal('generic'),
  /** Addresses, absolute or from `base`. `comment` may hold {post} and {comment}, `thread` {sender}. */
  urls: z.strictObject({ base: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }), login: z.string().min(1), home: z.string().min(1), comments: z.string().min(1).optional(), comment: z.string().min(1).optional(), messages: z.string().min(1).optional(), thread: z.string().min(1).optional() }),
  methods: z.array(z.enum(FLOWS)).min(1).refine((m) => new Set(m).size === m.length, 'names one twice'),
  selectors,
  timeouts: z.partialRecord(z.enum(['navigation', 'element', 'qrCode', 'loginCheck', 'press', 'call', 'crawl']), z.number().int().min(1).max(3_600_000)).default({}),
  limits: z.strictObject({ maxLength: z.number().int().min(1).max(100_000).default(1000), pages: z.number().int().min(1).max(50).default(5), threads: z.number().int().min(1).max(100).default(20) }).prefault({}),
  /** Catches the id in what the selector reads. Without one: the last part of an address, anything else as it is. */
  ids: z.strictObject({ comment: pattern.optional(), author: pattern.optional(), post: pattern.optional(), thread: pattern.optional(), message: pattern.optional(), reply: pattern.optional(), user: pattern.optional() }).prefault({}),
  time: z.strictObject({ format: z.enum(['iso', 'seconds', 'milliseconds', 'shown']).default('iso') }).prefault({}),
  /** Which end of each page is new. */
  order: z.strictObject({ comments: z.enum(['newest-first', 'oldest-first']).default('newest-first'), messages: z.enum(['newest-first', 'oldest-first']).default('oldest-first') }).prefault({}),
  reply: z.strictObject({
    /** A part of the address that the reply is sent to; any POST when absent. */
    request: z.string().min(1).optional(),
    stored: status.default([200, 201, 204, 302, 303]),
    /** Statuses that prove that nothing was stored. */
    refused: status.default([400, 403, 404, 409, 410, 413, 422]),
    /** Where the account's own replies to a comment stand: inside the comment's item, or anywhere on its page. */
    under: z.enum(['item', 'page']).default('item'),
    /** Catches the reply's id in the address that the answer leads to, or in its text. */
    id: pattern.optional(),
    /** True only where a reply that was stored is surely seen under its target at once. */
    verifyReliable: z.boolean().default(false),
  }).prefault({}),
});

const NEEDS = {
  comments: ['commentItem', 'commentId', 'commentText'],
  comment: ['replyText', 'replySend', 'ownReply', 'ownReplyText'],
  messages: ['threadItem', 'threadId', 'messageItem', 'messageText'],
} as const satisfies Record<string, readonly Name[]>;

/** The config.json of a site that is only configured. Every issue names the field that mends it. */
export const genericSchema = fields.superRefine((c, issues) => {
  const need = (names: readonly string[], why: string) => {
    for (const name of names) if (!c.selectors[name as Name]) issues.addIssue({ code: 'custom', path: ['selectors', name], message: `is missing: ${why} needs it` });
  };
  need(['userProfile', 'loggedOut', 'userName'], 'every login');
  for (const method of c.methods) {
    if (method === 'qrcode') need(['qrCode'], 'the method qrcode');
    if (method === 'password' || method === 'sms') need(formSelectors(method), `the method ${method}`);
  }
  for (const part of ['comments', 'comment', 'messages'] as const) if (c.urls[part]) need(NEEDS[part], `urls.${part}`);
  if (c.urls.comment && !c.urls.comments) issues.addIssue({ code: 'custom', path: ['urls', 'comments'], message: 'is missing: urls.comment needs it' });
  if (c.urls.thread && !c.urls.messages) issues.addIssue({ code: 'custom', path: ['urls', 'messages'], message: 'is missing: urls.thread needs it' });
  if (c.urls.messages && !c.urls.thread && !c.selectors.threadLink) issues.addIssue({ code: 'custom', path: ['urls', 'thread'], message: 'is missing: where a conversation opens (or give selectors.threadLink)' });
  if (!c.urls.comments && !c.urls.messages) issues.addIssue({ code: 'custom', path: ['urls'], message: 'give comments or messages, or both: there is nothing to read' });
});

export type GenericConfig = PlatformConfig & z.output<typeof fields> & { selectors: Record<string, string[]>; timeouts: Record<string, number>; urls: Record<string, string> };

function compiles(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
