import { PlatformFault, type Platform, type PlatformConfig, type PlatformModule } from '../contract.ts';
import { asFault } from '../base/as-fault.ts';
import { flowList, startFlow } from '../base/creator-flows.ts';
import { creatorLogin } from '../base/creator-login.ts';
import { checkSession } from '../base/check-session.ts';
import { readComments } from './read-comments.ts';
import { readMessages } from './read-messages.ts';
import { findReply, prepareReply } from './reply.ts';
import { idIn, urlOf } from './marks.ts';
import { tour } from './tour.ts';
import { genericSchema, type GenericConfig } from './schema.ts';

export const schema = genericSchema as unknown as NonNullable<PlatformModule['schema']>;

/** A site without code of its own: a forum, a shop's message centre, whatever shows lists and a reply form. */
export const create = (raw: PlatformConfig): Platform => {
  const given = raw as GenericConfig;
  const config: GenericConfig = { ...given, urls: { ...given.urls, login: urlOf(given, 'login'), home: urlOf(given, 'home') } };
  const guarded = <T>(doing: string, work: () => Promise<T>): Promise<T> => work().catch((error: unknown) => { throw asFault(error, doing); });
  const has = (what: 'comments' | 'comment' | 'messages'): boolean => config.urls[what] !== undefined;
  const replyMessage = has('messages') && (config.selectors['messageReplyText'] ?? config.selectors['replyText']) !== undefined;
  const must = (able: boolean, what: string): void => {
    if (!able) throw new PlatformFault('refused', `${config.label} is not configured for ${what}: see urls in config.json`);
  };
  const site = creatorLogin(config);
  const login = { ...site, user: async (...about: Parameters<typeof site.user>) => {
    const { user, validUntil } = await site.user(...about);
    return { user: { ...user, id: idIn(config, 'user', user.id) || user.id }, validUntil };
  } };
  return {
    id: config.platform,
    label: config.label,
    flows: flowList(config.methods),
    can: { comments: has('comments'), messages: has('messages'), replyComment: has('comment'), replyMessage, maxLength: config.limits.maxLength, verifyReliable: config.reply.verifyReliable },
    login: (flow, io, answer) => startFlow(flow, config.methods, io, login, answer),
    check: (io) => guarded('checking the session', () => checkSession(io, config)),
    comments: (cursor, io) => guarded('reading comments', async () => {
      must(has('comments'), 'comments');
      return readComments(config, cursor, io);
    }),
    messages: (cursor, io) => guarded('reading messages', async () => {
      must(has('messages'), 'messages');
      return readMessages(config, cursor, io);
    }),
    prepare: (to, text, io) => guarded('preparing the reply', async () => {
      must(to.type === 'comment' ? has('comment') : replyMessage, `replies to a ${to.type}`);
      return prepareReply(config, to, text, io);
    }),
    tour: (io) => tour(config, io),
    find: (to, text, since, io) => guarded('looking for the reply', () => findReply(config, to, text, since, io)),
  };
};
