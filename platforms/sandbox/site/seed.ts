import type { Database } from 'better-sqlite3';

const USERS = [
  ['mei', 'Mei Lin · 美琳', 'Slow mornings, hand-thrown cups, and one very loud kettle.', 12, 1],
  ['jonas', 'Jonas Bike Shop', 'We fix what rolls. Tuesdays are for tubes.', 210, 1],
  ['ana', 'Ana', 'Tea first.', 330, 0],
  ['tomas', 'Tomás', 'Climbs hills, regrets hills.', 120, 0],
  ['yuki', 'Yuki 由纪', 'Film cameras and cats.', 270, 0],
  ['visitor', 'A visitor', 'Just passing by.', 40, 0],
] as const;

const POSTS = [
  ['mei', 'A glaze the colour of rain', 'Four tests, three failures, and then this grey that shifts to green when the light comes in sideways. The trick was patience, which I do not have.', 30],
  ['mei', 'Kettle season', 'First frost on the studio window. The kettle sings in B flat and I have decided to forgive it.', 8],
  ['jonas', 'How to hear a dry chain', 'If it chirps like a small bird, it wants oil. If it grinds like a large bird, it wants a new chain. Bring it in either way.', 26],
  ['jonas', 'Saturday ride: the canal loop', '22 flat kilometres, one cake stop. Lights on, bells ready, nobody left behind.', 5],
] as const;

const COMMENTS = [
  [1, 'ana', 'Is the grey one food-safe? I would drink soup from it for ever.'],
  [1, 'yuki', '好美！请问可以寄到上海吗？'],
  [2, 'tomas', 'My kettle is in F. We should start a band.'],
  [3, 'tomas', 'Mine does both birds at once. Should I be worried?'],
  [4, 'ana', 'Can I bring a folding bike, or will it fold on the cobbles?'],
] as const;

const MESSAGES = [
  ['yuki', 'mei', 'Hello! Do you take orders for a set of four cups?'],
  ['ana', 'mei', 'I dropped the blue bowl. I am so sorry. Can it be mended?'],
  ['tomas', 'jonas', 'Is my wheel ready? No hurry. Some hurry.'],
] as const;

/** Fills an empty site with two demo users and a little life around them. */
export function seed(db: Database): void {
  const now = Date.now();
  const hour = 3_600_000;
  const user = db.prepare('insert into users values (?, ?, ?, ?, ?)');
  const post = db.prepare('insert into posts (user, title, body, at) values (?, ?, ?, ?)');
  const comment = db.prepare('insert into comments (post, parent, user, text, at) values (?, null, ?, ?, ?)');
  const message = db.prepare('insert into messages (sender, receiver, text, at) values (?, ?, ?, ?)');
  db.transaction(() => {
    for (const row of USERS) user.run(...row);
    for (const [who, title, body, hours] of POSTS) post.run(who, title, body, now - hours * hour);
    COMMENTS.forEach(([to, who, text], i) => comment.run(to, who, text, now - (COMMENTS.length - i) * 0.7 * hour));
    MESSAGES.forEach(([from, to, text], i) => message.run(from, to, text, now - (MESSAGES.length - i) * 0.5 * hour));
  })();
}
