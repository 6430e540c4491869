import type { Platform, PlatformConfig } from '../contract.ts';
import { creatorSite } from '../base/creator-site.ts';

/** Xiaohongshu on the web: comments and replies; it shows no private messages there. */
export const create = (config: PlatformConfig): Platform => creatorSite(config, { comments: true, messages: false, replyComment: true, replyMessage: false, maxLength: 300 });
