import type { Platform, PlatformConfig } from '../contract.ts';
import { creatorConfig } from '../base/creator-config.ts';
import { creatorSite } from '../base/creator-site.ts';

export const schema = creatorConfig;

/** Xiaohongshu on the web, with its message centre for accounts that have one. */
export const create = (config: PlatformConfig): Platform => creatorSite(config, ['qrcode', 'sms', 'cookies'], { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 300 });
