import type { Io } from '../contract.ts';
import { openList } from '../base/open-list.ts';
import { visit } from '../base/visit.ts';
import { urlOf } from './marks.ts';
import { commentsOn } from './read-comments.ts';
import { threads } from './read-messages.ts';
import type { GenericConfig } from './schema.ts';

/** The account's home, the list of comments, the newest one, the conversations, and the newest of them. */
export async function* tour(config: GenericConfig, io: Io): AsyncGenerator<string, void, void> {
  await visit(io, config, config.urls['home'] ?? '');
  yield 'home';
  if (config.urls['comments']) {
    const { page } = await visit(io, config, urlOf(config, 'comments'));
    yield 'comments';
    const newest = config.urls['comment'] ? (await commentsOn(page, config).catch(() => []))[0] : undefined;
    if (newest) {
      await visit(io, config, urlOf(config, 'comment', { post: newest.post.id, comment: newest.id }));
      yield 'comment';
    }
  }
  if (!config.urls['messages']) return;
  await visit(io, config, urlOf(config, 'messages'));
  yield 'messages';
  const [first] = await threads(config, new Map(), io).catch(() => []);
  if (!first) return;
  await openList(io, config, first.url, 'messageItem').catch(() => undefined);
  yield 'thread';
}
