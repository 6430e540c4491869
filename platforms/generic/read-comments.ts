import type { Page } from 'playwright';
import { PlatformFault, type Comment, type Io } from '../contract.ts';
import { extract } from '../base/extract.ts';
import { fieldOf } from '../base/fields.ts';
import { openList } from '../base/open-list.ts';
import { readCursor } from '../base/read-cursor.ts';
import { selectorsOf } from '../base/locate.ts';
import { hash, idIn, linkOf, timeIn, urlOf } from './marks.ts';
import type { GenericConfig } from './schema.ts';

/** How many known ids the cursor holds: a comment that was deleted must not bring all others back. */
const REMEMBER = 30;

/** The comments on this page, newest first. */
export async function commentsOn(page: Page, config: GenericConfig): Promise<Comment[]> {
  const rows = await extract(page, selectorsOf(config, 'commentItem'), {
    id: fieldOf(config, 'commentId'), text: fieldOf(config, 'commentText'), author: fieldOf(config, 'commentAuthor'), authorId: fieldOf(config, 'commentAuthorId'),
    post: fieldOf(config, 'commentPost'), postId: fieldOf(config, 'commentPostId'), at: fieldOf(config, 'commentTime'),
  });
  const now = Date.now();
  const items = rows.map((r): Comment => ({
    id: idIn(config, 'comment', r.id), text: r.text, author: { id: idIn(config, 'author', r.authorId) || r.author, name: r.author || r.authorId },
    post: { id: idIn(config, 'post', r.postId) || hash(r.post), title: r.post }, at: timeIn(config, r.at, now),
  }));
  if (items.some((c) => c.id === '')) throw new PlatformFault('element-not-found', `comments without an id on ${config.label}: see selectors.commentId and ids.comment in config.json`);
  return config.order.comments === 'newest-first' ? items : items.reverse();
}

/** What came after the cursor, oldest first: page by page until one that is known, or as many pages as limits.pages says. */
export async function readComments(config: GenericConfig, cursor: string | null, io: Io): Promise<{ items: Comment[]; cursor: string | null }> {
  const known = new Set(readCursor<string[]>(cursor, []));
  const all = new Map<string, Comment>();
  let url: string | null = urlOf(config, 'comments');
  for (let n = 0; url && n < config.limits.pages; n++) {
    const page = await openList(io, config, url, 'commentItem');
    const items = await commentsOn(page, config);
    for (const item of items) if (!all.has(item.id)) all.set(item.id, item);
    if (items.some((c) => known.has(c.id))) break;
    const [next] = await extract(page, ['body'], { href: fieldOf(config, 'commentNext') });
    url = linkOf(config, next?.href ?? '', page.url());
  }
  const seen = [...all.values()];
  const fresh = seen.filter((c) => !known.has(c.id));
  const ids = [...new Set([...seen.map((c) => c.id), ...known])].slice(0, REMEMBER);
  return { items: fresh.reverse(), cursor: ids.length ? JSON.stringify(ids) : cursor };
}
