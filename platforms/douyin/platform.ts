import type { Platform, PlatformConfig } from '../contract.ts';
import { creatorConfig } from '../base/creator-config.ts';
import { creatorSite } from '../base/creator-site.ts';

export const schema = creatorConfig;

/** Douyin's creator centre. */
export const create = (config: PlatformConfig): Platform => creatorSite(config, ['qrcode', 'sms', 'cookies'], { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 100 });
