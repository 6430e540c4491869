import { conversationId } from '../../actors/conversation-id.ts';
import type { Entry } from '../../actors/entry.ts';
import type { ConversationContext } from '../../machines/conversation.ts';
import { personHash } from '../person-hash.ts';
import { forgetItems } from './forget-items.ts';
import { gramsOf } from './grams.ts';
import type { Project } from './project.ts';
import type { Db } from './store.ts';

export type FoundComment = { id: string; text: string; author: { id: string; name: string }; post: { id: string; title: string }; at: number };
export type FoundMessage = { id: string; text: string; sender: { id: string; name: string }; direction: 'inbound' | 'outbound'; at: number };

const SNIPPET = 200;

/** Talks: each item to its row and its talk, what is read, what was answered, and what people decided about them. */
export class TalkRows {
  private readonly run;

  private readonly db: Db;

  constructor(db: Db) {
    this.db = db;
    const sql = (text: string) => db.prepare(text);
    const state = `CASE WHEN acted = 1 THEN state WHEN MAX(answered_ms, @answered) > MAX(last_in_ms, @in) THEN 'waiting' ELSE 'open' END`;
    this.run = {
      comment: sql(`INSERT OR IGNORE INTO comments (account_id, platform_comment_id, conversation_id, content, author_name, author_id, post_id, post_title, posted_ms, detected_at, detected_ms) VALUES (@account, @id, @conversation, @text, @author, @author_id, @post, @title, @posted, @at_s, @at)`),
      message: sql(`INSERT OR IGNORE INTO direct_messages (account_id, platform_message_id, conversation_id, content, sender_name, sender_id, direction, is_read, posted_ms, detected_at, detected_ms) VALUES (@account, @id, @conversation, @text, @sender, @sender_id, @direction, @read, @posted, @at_s, @at)`),
      fts: sql('INSERT INTO inbox_fts (content, author, item) VALUES (?, ?, ?)'),
      grams: sql('INSERT INTO inbox_grams (rowid, grams) VALUES (?, ?)'),
      talk: sql(`INSERT INTO conversations (id, account_id, type, peer_id, peer_name, post_id, post_title, last_ms, last_in_ms, answered_ms, items, unread, last_text, last_direction, state)
        VALUES (@id, @account, @type, @peer, @name, @post, @title, @at, @in, MAX(@answered, @replied), 1, @unread, @text, @direction, CASE WHEN MAX(@answered, @replied) > @in THEN 'waiting' ELSE 'open' END)
        ON CONFLICT (id) DO UPDATE SET peer_name = CASE WHEN @name <> '' THEN @name ELSE peer_name END, post_title = COALESCE(@title, post_title), items = items + 1, unread = unread + @unread, state = ${state},
          last_text = CASE WHEN @at >= last_ms THEN @text ELSE last_text END, last_direction = CASE WHEN @at >= last_ms THEN @direction ELSE last_direction END, last_ms = MAX(last_ms, @at), last_in_ms = MAX(last_in_ms, @in), answered_ms = MAX(answered_ms, @answered)`),
      replied: sql(`SELECT COALESCE(MAX(created_ms), 0) FROM replies WHERE conversation_id = ? AND status = 'posted'`).pluck(),
      there: sql('SELECT 1 FROM conversations WHERE id = ?').pluck(),
      answered: sql(`UPDATE conversations SET answered_ms = MAX(answered_ms, @at), state = CASE WHEN acted = 1 THEN state WHEN MAX(answered_ms, @at) > last_in_ms THEN 'waiting' ELSE 'open' END WHERE id = @id`),
      readComment: sql('UPDATE comments SET is_read = @read WHERE account_id = @account AND platform_comment_id = @id AND is_read <> @read RETURNING conversation_id').pluck(),
      readMessage: sql(`UPDATE direct_messages SET is_read = @read WHERE account_id = @account AND platform_message_id = @id AND is_read <> @read AND direction = 'inbound' RETURNING conversation_id`).pluck(),
      count: sql(`UPDATE conversations SET unread = CASE type WHEN 'comment' THEN (SELECT COUNT(*) FROM comments WHERE conversation_id = conversations.id AND is_read = 0) ELSE (SELECT COUNT(*) FROM direct_messages WHERE conversation_id = conversations.id AND is_read = 0) END WHERE id = ?`),
      acted: sql(`INSERT INTO conversations (id, account_id, type, peer_id, peer_name, post_id, post_title, last_ms, last_in_ms, answered_ms, items, unread, last_text, last_direction, acted, state, assignee, labels, note, snoozed_ms, updated_ms)
        VALUES (@id, @account, @type, @peer, @name, @post, @title, @in, @in, 0, 0, 0, '', 'inbound', 1, @state, @assignee, @labels, @note, @snoozed, @updated)
        ON CONFLICT (id) DO UPDATE SET acted = 1, state = @state, assignee = @assignee, labels = @labels, note = @note, snoozed_ms = @snoozed, updated_ms = @updated`),
      dropLabels: sql('DELETE FROM conversation_labels WHERE conversation_id = ?'),
      label: sql('INSERT OR IGNORE INTO conversation_labels (label, conversation_id) VALUES (?, ?)'),
      left: sql(`UPDATE conversations SET acted = 0, assignee = NULL, labels = '[]', note = '', snoozed_ms = NULL, state = CASE WHEN answered_ms > last_in_ms THEN 'waiting' ELSE 'open' END WHERE id = ?`),
      peers: sql('SELECT DISTINCT peer_id FROM conversations WHERE account_id = ?').pluck(),
      ofPeer: sql('SELECT id FROM conversations WHERE account_id = ? AND peer_id = ?').pluck(),
      commentsOf: sql('SELECT id, platform_comment_id AS item FROM comments WHERE account_id = ? AND author_id = ?'),
      messagesOf: sql('SELECT id, platform_message_id AS item FROM direct_messages WHERE account_id = ? AND sender_id = ?'),
      erased: sql('INSERT OR REPLACE INTO erased_talks (conversation_id, at_ms) VALUES (?, ?)'),
      erasedAt: sql('SELECT at_ms FROM erased_talks WHERE conversation_id = ?').pluck(),
      unnotice: sql("DELETE FROM notifications WHERE account_id = ? AND key IN (SELECT value FROM json_each(?))"),
      dropActors: ["kind = 'reply' AND status <> 'active' AND id IN (SELECT id FROM replies WHERE conversation_id = ?)", "kind = 'conversation' AND status <> 'active' AND id = ?"].map((rule) => sql(`DELETE FROM actors WHERE ${rule}`)),
      dropOf: ['conversation_labels WHERE conversation_id', 'conversations WHERE id', 'replies WHERE conversation_id', 'rule_log WHERE conversation_id'].map((t) => sql(`DELETE FROM ${t} = ? `)),
      targetComment: sql('SELECT conversation_id FROM comments WHERE account_id = ? AND platform_comment_id = ?').pluck(),
      targetMessage: sql('SELECT conversation_id FROM direct_messages WHERE account_id = ? AND platform_message_id = ?').pluck(),
    };
  }

  /** False when it was known before. `at` is when it was found, epoch milliseconds. */
  comment(account: string, item: FoundComment, at: number): boolean {
    const conversation = conversationId({ account, type: 'comment', peer: item.author.id, post: item.post.id });
    const added = this.run.comment.run({ account, id: item.id, conversation, text: item.text, author: item.author.name, author_id: item.author.id, post: item.post.id, title: item.post.title, posted: item.at, at_s: Math.floor(at / 1000), at });
    if (added.changes === 0) return false;
    this.find(item.text, item.author.name, `c${added.lastInsertRowid}`);
    this.talk(conversation, { account, type: 'comment', peer: item.author.id, name: item.author.name, post: item.post.id, title: item.post.title, text: item.text, direction: 'inbound', unread: 1, at });
    return true;
  }

  message(account: string, item: FoundMessage, at: number): boolean {
    const conversation = conversationId({ account, type: 'message', peer: item.sender.id });
    const inbound = item.direction === 'inbound';
    const added = this.run.message.run({ account, id: item.id, conversation, text: item.text, sender: item.sender.name, sender_id: item.sender.id, direction: item.direction, read: inbound ? 0 : 1, posted: item.at, at_s: Math.floor(at / 1000), at });
    if (added.changes === 0) return false;
    this.find(item.text, item.sender.name, `m${added.lastInsertRowid}`);
    this.talk(conversation, { account, type: 'message', peer: item.sender.id, name: item.sender.name, post: null, title: null, text: item.text, direction: item.direction, unread: inbound ? 1 : 0, at });
    return true;
  }

  /** Marks items of an account read, or unread again. */
  read(account: string, comments: string[], messages: string[], read: boolean): void {
    const touched = new Set<string>();
    for (const id of comments) touched.add(this.run.readComment.get({ account, id, read: read ? 1 : 0 }) as string);
    for (const id of messages) touched.add(this.run.readMessage.get({ account, id, read: read ? 1 : 0 }) as string);
    for (const id of touched) if (id) this.run.count.run(id);
  }

  /** The talk that a reply belongs to, by what it answers. */
  ofTarget(account: string, type: 'comment' | 'message', id: string): string | null {
    return ((type === 'comment' ? this.run.targetComment : this.run.targetMessage).get(account, id) as string | undefined) ?? null;
  }

  /** Forgets a person, known by a hash, with all talks; those that are named too. */
  erase(account: string, who: string, named: readonly string[], at: number): void {
    const talks = new Set(named);
    for (const peer of (this.run.peers.all(account) as string[]).filter((p) => personHash(account, p) === who)) {
      const comments = this.run.commentsOf.all(account, peer) as { id: number; item: string }[];
      const messages = this.run.messagesOf.all(account, peer) as { id: number; item: string }[];
      for (const id of this.run.ofPeer.all(account, peer) as string[]) talks.add(id);
      this.run.unnotice.run(account, JSON.stringify([...comments.map((c) => `comment-${account}-${c.item}`), ...messages.map((m) => `message-${account}-${m.item}`)]));
      forgetItems(this.db, { comments: comments.map((c) => c.id), messages: messages.map((m) => m.id) });
    }
    for (const id of talks) {
      for (const drop of [...this.run.dropActors, ...this.run.dropOf]) drop.run(id);
      this.run.erased.run(id, at);
    }
  }

  /** What was written of this talk at that time belongs to somebody who is forgotten. */
  isErased(id: string | null, at: number): boolean {
    return id !== null && ((this.run.erasedAt.get(id) as number | undefined) ?? 0) >= at;
  }

  answered(id: string, at: number): void {
    this.run.answered.run({ id, at });
  }

  readonly project: Project = (id, entry: Entry, state, status, newest) => {
    if (!newest || this.isErased(id, entry.at)) return;
    this.run.dropLabels.run(id);
    if (status !== 'active') return void this.run.left.run(id);
    const c = (entry.after as { context: ConversationContext }).context;
    this.run.acted.run({ id, account: c.account, type: c.type, peer: c.peer, name: c.peerName, post: c.post, title: c.postTitle, in: c.lastInAt, state, assignee: c.assignee, labels: JSON.stringify(c.labels), note: c.note, snoozed: state === 'snoozed' ? c.snoozedUntil : null, updated: c.updatedAt });
    for (const label of c.labels) this.run.label.run(label, id);
  };

  private find(text: string, author: string, item: string): void {
    const { lastInsertRowid } = this.run.fts.run(text, author, item);
    this.run.grams.run(lastInsertRowid, gramsOf(`${text} ${author}`));
  }

  private talk(id: string, t: { account: string; type: 'comment' | 'message'; peer: string; name: string; post: string | null; title: string | null; text: string; direction: 'inbound' | 'outbound'; unread: number; at: number }): void {
    const inbound = t.direction === 'inbound';
    const replied = this.run.there.get(id) ? 0 : (this.run.replied.get(id) as number);
    this.run.talk.run({ ...t, id, text: [...t.text.slice(0, SNIPPET * 2)].slice(0, SNIPPET).join(''), in: inbound ? t.at : 0, answered: inbound ? 0 : t.at, replied });
  }
}
