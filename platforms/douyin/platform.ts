import type { Platform, PlatformConfig } from '../contract.ts';
import { creatorSite } from '../base/creator-site.ts';

/** Douyin's creator centre. */
export const create = (config: PlatformConfig): Platform => creatorSite(config, { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 100 });
