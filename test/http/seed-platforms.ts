import type { SelectorReport } from '../../transport/protocol.ts';
import type { PlatformAbout } from '../../runtime/platform-check/platform-about.ts';

const can = { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 500, verifyReliable: true };
const flow = (id: 'qrcode' | 'cookies' | 'password' | 'sms') => ({ id, label: id });

/** Platforms as a process would find them: built-in ones, a plugin, one whose change is broken, one that can't be used. */
export const PLATFORMS: PlatformAbout[] = [
  { id: 'sandbox', label: 'Sandbox', ok: true, reason: null, own: true, flows: [flow('qrcode'), flow('cookies')], can },
  { id: 'douyin', label: '抖音', ok: true, reason: null, own: true, flows: [flow('qrcode'), flow('sms'), flow('cookies')], can: { ...can, maxLength: 100, verifyReliable: false } },
  { id: 'xiaohongshu', label: '小红书', ok: true, reason: null, own: true, flows: [flow('qrcode')], can: { ...can, messages: false, replyMessage: false } },
  { id: 'forum', label: 'The forum', ok: true, reason: 'its last change is broken: config.json: selectors.replySend: is missing: urls.comment needs it', own: false, flows: [flow('password'), flow('cookies')], can },
  { id: 'shop', label: 'shop', ok: false, reason: 'it blocks the process while it is loaded: an endless loop at import or in create', own: false, flows: [], can: null },
];

const one = (selector: string, matches: Record<string, number> = {}, error: string | null = null) => ({ selector, error, matches });
/** What a worker's self-test finds: a name by its first selector, by a later one, by none, and one of the login. */
export const SELECTORS: SelectorReport = {
  pages: [{ name: 'home', url: 'http://127.0.0.1:3900/creator', error: null }, { name: 'comments', url: 'http://127.0.0.1:3900/creator/comments', error: null }, { name: '…', url: 'http://127.0.0.1:3900/creator/messages', error: 'no threadItem on Sandbox within 5000 ms' }],
  rows: [
    { name: 'userProfile', fallbacks: [one('.user-profile', { home: 1, comments: 1 }), one('.me-card')] },
    { name: 'commentText', fallbacks: [one('.comment-text', { home: 0, comments: 0 }), one('.words', { home: 0, comments: 12 })] },
    { name: 'replySend', fallbacks: [one('button.reply-send', { comments: 0 }), one('form >> nonsense', {}, 'Unexpected token')] },
    { name: 'qrCode', fallbacks: [one('img.qr-image', { home: 0 })] },
  ],
};
