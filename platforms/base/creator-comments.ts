import type { Locator, Page } from 'playwright';
import { PlatformFault, type Comment, type Io } from '../contract.ts';
import { Answers, type Row } from './answers.ts';
import type { CreatorConfig } from './creator-config.ts';
import { flat, hash, tail, timeOf } from './creator-marks.ts';
import { extract } from './extract.ts';
import { fieldOf } from './fields.ts';
import { itemAt } from './item-at.ts';
import { locate, present, selectorsOf, timeoutOf } from './locate.ts';
import { openList, waitForList } from './open-list.ts';
import { readCursor } from './read-cursor.ts';
import { visit } from './visit.ts';

const PAGES = 5;
const POSTS = 10;
const REMEMBER = 30;
const NEXT_PAGE = 4000;
const FETCHED = 4000;

type Post = { id: string; title: string; count: string };
/** By post (or '' for one list of all): how many comments it had, and the newest ids that were read. */
type Cursor = Record<string, { n: string; ids: string[] }>;
export type Found = { comment: Comment; row: Row | null };

/** Comments of the account's own posts: the list of one page, or of each post that is chosen there. */
export async function readComments(config: CreatorConfig, cursor: string | null, io: Io): Promise<{ items: Comment[]; cursor: string | null }> {
  const seen: Cursor = { ...readCursor<Cursor>(cursor, {}) };
  const page = await openComments(config, io);
  const posts = await postsOf(page, config);
  const items: Comment[] = [];
  const lists: (Post | null)[] = posts.length ? posts.slice(0, POSTS) : [null];
  for (const post of lists) {
    const key = post?.id ?? '';
    const had = seen[key];
    // A post whose number of comments stands where it was has no new one.
    if (post && post.count !== '' && had?.n === post.count) continue;
    if (post) await choosePost(page, config, post);
    const known = new Set(had?.ids);
    const found = (await readList(page, config, post, (all) => all.some((f) => known.has(f.comment.id)))).map((f) => f.comment);
    items.push(...found.filter((c) => !known.has(c.id)));
    seen[key] = { n: post?.count ?? '', ids: [...new Set([...found.map((c) => c.id), ...known])].slice(0, REMEMBER) };
  }
  const kept = Object.fromEntries(Object.entries(seen).slice(-100));
  return { items: items.sort((a, b) => a.at - b.at), cursor: Object.keys(kept).length ? JSON.stringify(kept) : null };
}

/** Opens the page of comments, and of one post where one is chosen first. Throws `refused` when the post is gone. */
export async function openCommentsOf(config: CreatorConfig, postId: string, io: Io): Promise<{ page: Page; post: Post | null }> {
  const page = await openComments(config, io);
  const posts = await postsOf(page, config);
  if (posts.length === 0) return { page, post: null };
  const post = posts.find((p) => p.id === postId);
  if (!post) throw new PlatformFault('refused', `the post is not among the newest on ${config.label} any more`);
  await choosePost(page, config, post);
  return { page, post };
}

async function openComments(config: CreatorConfig, io: Io): Promise<Page> {
  const answers = Answers.of(await io.page(), config);
  answers.forget('comments', 'posts', 'replies');
  if (!config.selectors['postOpen']) return openList(io, config, config.urls['comments'] ?? '', 'commentItem');
  const { page } = await visit(io, config, config.urls['comments'] ?? '');
  await locate(page, config, 'postOpen', timeoutOf(config, 'element', 10_000));
  return page;
}

/** The posts to choose from, newest first; none where there is one list of all. */
async function postsOf(page: Page, config: CreatorConfig): Promise<Post[]> {
  if (!config.selectors['postOpen']) return [];
  const elementMs = timeoutOf(config, 'element', 10_000);
  const answers = Answers.of(page, config);
  await (await locate(page, config, 'postOpen', elementMs)).click();
  await waitForList(page, config, 'postItem', elementMs).catch(() => {
    throw new PlatformFault('element-not-found', `no postItem on ${config.label} within ${elementMs} ms (tried ${selectorsOf(config, 'postItem').join(' | ')}): the site may have changed, see config.json`);
  });
  const shown = await extract(page, selectorsOf(config, 'postItem'), { id: fieldOf(config, 'postId'), title: fieldOf(config, 'postTitle'), count: fieldOf(config, 'postCount') });
  await closePosts(page, config);
  const heard = answers.rows('posts').map((r) => ({ id: r.values['id'] ?? '', title: flat(r.values['title'] ?? ''), count: r.values['count'] ?? '' })).filter((p) => p.id !== '');
  if (heard.length) return heard;
  return shown.map((p) => ({ id: tail(p.id) || hash(flat(p.title)), title: flat(p.title), count: /\d+/.exec(p.count)?.[0] ?? '' }));
}

async function closePosts(page: Page, config: CreatorConfig): Promise<void> {
  const close = config.selectors['postClose'] ? await present(page, config, 'postClose') : null;
  if (close) await close.click();
}

async function choosePost(page: Page, config: CreatorConfig, post: Post): Promise<void> {
  const elementMs = timeoutOf(config, 'element', 10_000);
  await (await locate(page, config, 'postOpen', elementMs)).click();
  await waitForList(page, config, 'postItem', elementMs);
  const titles = (await extract(page, selectorsOf(config, 'postItem'), { title: fieldOf(config, 'postTitle'), id: fieldOf(config, 'postId') }));
  const index = titles.findIndex((t) => (t.id !== '' && tail(t.id) === post.id) || flat(t.title) === post.title);
  if (index < 0) throw new PlatformFault('element-not-found', `the post "${post.title.slice(0, 60)}" is not in the list of posts on ${config.label}: see selectors.postItem and postTitle in config.json`);
  Answers.of(page, config).forget('comments', 'replies');
  await (await itemAt(page, config, 'postItem', index)).click({ timeout: elementMs });
}

/** The open list, newest first, page by page until `enough` says so. What the page has fetched goes before what it shows. */
export async function readList(page: Page, config: CreatorConfig, post: Post | null, enough: (found: Found[]) => boolean): Promise<Found[]> {
  const elementMs = timeoutOf(config, 'element', 10_000);
  const answers = Answers.of(page, config);
  // An older list may still stand there: what is drawn counts only when nothing was fetched.
  const came = await answers.wait('comments', 0, Math.min(elementMs, FETCHED));
  if (!came || answers.rows('comments').length > 0) {
    await waitForList(page, config, 'commentItem', elementMs).catch(() => {
      if (!came) throw new PlatformFault('element-not-found', `no commentItem on ${config.label} within ${elementMs} ms (tried ${selectorsOf(config, 'commentItem').join(' | ')}): the site may have changed, see config.json`);
    });
  }
  for (let n = 1; n < PAGES && answers.more('comments') && !enough(heardComments(answers, config, post)); n++) {
    const count = answers.count('comments');
    const more = config.selectors['commentMore'] ? await present(page, config, 'commentMore') : null;
    if (more) await more.click();
    else {
      await page.locator(selectorsOf(config, 'commentItem').join(', ')).last().scrollIntoViewIfNeeded({ timeout: 2000 }).catch(() => undefined);
      await page.mouse.wheel(0, 4000);
    }
    if (!(await answers.wait('comments', count, NEXT_PAGE))) break;
  }
  const heard = heardComments(answers, config, post);
  return heard.length ? heard : (await shownComments(page, config)).map((comment) => ({ comment: post ? { ...comment, post: { id: post.id, title: post.title } } : comment, row: null }));
}

function heardComments(answers: Answers, config: CreatorConfig, post: Post | null): Found[] {
  const now = Date.now();
  return answers.rows('comments').filter((r) => (r.values['id'] ?? '') !== '').map((row) => {
    const v = row.values;
    return { row, comment: {
      id: v['id']!, text: v['text'] ?? '', author: { id: v['authorId'] || v['author'] || '', name: v['author'] ?? '' },
      post: post ? { id: post.id, title: post.title } : { id: v['postId'] ?? '', title: flat(v['post'] ?? '') || (v['postId'] ?? '') }, at: timeOf(config.answers['comments'], v['at'] ?? '', now),
    } };
  });
}

async function shownComments(page: Page, config: CreatorConfig): Promise<Comment[]> {
  const rows = await extract(page, selectorsOf(config, 'commentItem'), {
    id: fieldOf(config, 'commentId'), text: fieldOf(config, 'commentText'), author: fieldOf(config, 'commentAuthor'), authorId: fieldOf(config, 'commentAuthorId'),
    post: fieldOf(config, 'commentPost'), postId: fieldOf(config, 'commentPostId'), at: fieldOf(config, 'commentTime'),
  });
  const now = Date.now();
  return rows.map((r) => ({
    id: r.id || hash(r.authorId || r.author, r.text, r.postId || r.post), text: r.text, author: { id: tail(r.authorId) || r.author, name: r.author },
    post: { id: tail(r.postId) || hash(r.post), title: r.post }, at: timeOf(undefined, r.at, now),
  }));
}

/** The element of a comment on the open page: by its id, else by author and words. Throws `refused` when it is not shown. */
export async function commentElement(page: Page, config: CreatorConfig, comment: Comment): Promise<Locator> {
  const shown = await shownComments(page, config);
  const words = (c: Comment) => `${flat(c.author.name)}\0${flat(c.text)}`;
  let index = shown.findIndex((c) => c.id === comment.id);
  if (index < 0) index = shown.findIndex((c) => words(c) === words(comment));
  if (index < 0) throw new PlatformFault('refused', `the comment is not among the newest on ${config.label} any more`);
  return itemAt(page, config, 'commentItem', index);
}
