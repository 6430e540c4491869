import type { Replica } from '../../platforms/replica.ts';
import { creatorReplica, movedPath } from './creator-login-replica.ts';

type Reply = { id: string; text: string; at: number };
type Comment = { id: string; note: number; text: string; who: number; at: number; replies: Reply[] };
type Letter = { id: string; own: boolean; text: string; at: number };
const PAGE = 5;
const ME = { user_id: '5f00aa', nickname: '釉色日记', red_id: '94211', images: 'https://sns.example/me.jpg' };
const PEOPLE = [{ userid: '5f01', nickname: '小林' }, { userid: '5f02', nickname: 'Ann' }];
const NOTES = [{ id: '64aa', title: '雨的颜色' }, { id: '64ab', title: '柴窑第三天' }];
const now = () => Math.floor(Date.now() / 1000);

/** Xiaohongshu on the web in outline: notifications by pages of JSON, a note's own page with its comments, and the message centre. `moved`: the JSON stands where nobody looks for it. */
export async function start(moved = false): Promise<Replica> {
  const at = (path: string) => (moved ? movedPath(path) : path);
  let next = 100;
  const id = () => `6500${(next++).toString(16)}`;
  const sent: string[] = [];
  const comments: Comment[] = Array.from({ length: 8 }, (_, i) => ({ id: id(), note: i % 2, text: `留言 ${i + 1}`, who: i % 2, at: now() - (8 - i) * 3600, replies: [] }));
  const letters: Letter[] = [{ id: id(), own: false, text: '在吗', at: Date.now() - 9000_000 }, { id: id(), own: true, text: '在的', at: Date.now() - 8000_000 }];
  const nav = `<ul class="side-bar"><li class="user side-bar-component" id="me"></li></ul>`;
  const me = `get('${at('/api/sns/web/v2/user/me')}').then(({ data }) => { $('#me').innerHTML = '<a class="link-wrapper"><span class="channel">' + esc(data.nickname) + '</span></a><span class="user-redId">小红书号：' + esc(data.red_id) + '</span>'; });`;
  const list = `let cursor = '', more = false; const row = (m) => '<div class="container" data-comment-id="' + m.comment_info.id + '"><div class="user-info"><a href="/user/profile/' + m.user_info.userid + '">' + esc(m.user_info.nickname) + '</a></div><span class="interaction-time">1分钟前</span><div class="interaction-content">' + esc(m.comment_info.content) + '</div><div class="extra"><a href="/explore/' + m.item_info.id + '"><span class="title">' + esc(m.item_info.content) + '</span></a></div><div class="action-reply">回复</div></div>';
    const load = async () => { const { data } = await get('${at('/api/sns/web/v1/you/mentions')}?num=${PAGE}&cursor=' + cursor); cursor = data.cursor; more = data.has_more; $('#list').insertAdjacentHTML('beforeend', data.message_list.map(row).join('')); }; load();
    addEventListener('wheel', () => more && load());
    addEventListener('click', async (e) => { const box = e.target.closest('.container'); if (e.target.className === 'action-reply') box.insertAdjacentHTML('beforeend', '<textarea class="comment-input"></textarea><button class="submit">发送</button>'); if (e.target.className === 'submit') await post('/api/sns/web/v1/comment/post', { note_id: $('.extra a', box).getAttribute('href').split('/').at(-1), target_comment_id: box.dataset.commentId, content: $('textarea', box).value }); });`;
  const note = `const noteId = location.pathname.split('/').at(-1); get('${at('/api/sns/web/v2/comment/page')}?note_id=' + noteId).then(({ data }) => { $('#list').innerHTML = data.comments.map((c) => '<div class="parent-comment" id="comment-' + c.id + '"><span class="content">' + esc(c.content) + '</span>' + c.sub_comments.map((s) => '<div class="comment-item-sub own-reply" data-comment-id="' + s.id + '"><span class="tag">作者</span><span class="content">' + esc(s.content) + '</span></div>').join('') + '</div>').join(''); });`;
  const im = `const open = async () => { const { data } = await get('${at('/api-sxt/edith/chatline/msg')}?customer_user_id=5f77'); $('#talk').innerHTML = data.message_list.map((m) => '<div class="message-item' + (m.sender_id === '5f77' ? '' : ' message-own') + '" data-message-id="' + m.message_id + '"><span class="message-text">' + esc(m.content) + '</span></div>').join(''); $('#chat').hidden = false; };
    get('${at('/api-sxt/edith/chatline/chat')}').then(({ data }) => { $('#chats').innerHTML = data.chat_list.map((c) => '<div class="chat-item" data-user-id="' + c.customer_user_id + '"><span class="chat-name">' + esc(c.nickname) + '</span><span class="chat-last">' + esc(c.last_msg_content) + '</span></div>').join(''); }); $('#chats').onclick = open;
    $('#go').onclick = async () => { await post('/api-sxt/edith/chatline/msg', { receiver_id: '5f77', content: $('#chat textarea').value }); open(); };`;
  return creatorReplica({
    cookie: 'web_session',
    login: {
      qr: (image) => `<div class="login-container"><span class="sms-tab" data-act="way">手机号登录</span><div class="qrcode"><img class="qrcode-img" width="120" height="120" src="${image}"></div></div>`,
      dead: `<div class="login-container"><div class="qrcode"><div class="status-desc refresh" data-act="refresh">点击刷新</div></div></div>`,
      verify: (error) => `<div class="login-container"><div class="verify-box"><div class="title">短信验证</div><input class="code" placeholder="请输入验证码"><button data-act="check">确定</button><p class="error">${error}</p></div></div>`,
      sms: (ready, error) => `<div class="login-container"><input class="phone" placeholder="输入手机号"><span class="code-button" data-act="send">获取验证码</span>${ready ? '<input class="code auth-code" placeholder="短信码"><button class="submit" data-act="check">登录</button>' : ''}<p class="err-msg">${error}</p></div>`,
      slider: `<div id="red-captcha" style="height: 20px">向右拖动滑块</div>`,
    },
    serve({ url, method, body, json, page }) {
      const path = url.pathname;
      const data = (value: unknown) => json({ code: 0, success: true, data: value });
      if (path === '/explore') page(me, nav);
      else if (path === '/notification') page(me + list, `${nav}<div class="notification-page"><div class="tabs-content-container" id="list"></div></div>`);
      else if (/^\/explore\/64a[ab]$/.test(path)) page(me + note, `${nav}<div class="comments-container" id="list"></div>`);
      else if (path === '/im/multiCustomerService') page(me + im, `${nav}<div id="chats"></div><div id="chat" hidden><div id="talk"></div><textarea class="chat-input"></textarea><button id="go" class="chat-send">发送</button></div>`);
      else if (path === '/api/sns/web/v2/user/me') data(ME);
      else if (path === '/api/sns/web/v1/you/mentions') {
        const at = Number(url.searchParams.get('cursor') || 0);
        const all = [...comments].reverse();
        data({ has_more: at + PAGE < all.length, cursor: String(at + PAGE), message_list: all.slice(at, at + PAGE).map((c) => ({ id: `n${c.id}`, type: 'comment/item', time: c.at, user_info: PEOPLE[c.who], item_info: { id: NOTES[c.note]!.id, content: NOTES[c.note]!.title }, comment_info: { id: c.id, content: c.text } })) });
      } else if (path === '/api/sns/web/v2/comment/page') {
        const n = NOTES.findIndex((x) => x.id === url.searchParams.get('note_id'));
        data({ has_more: false, cursor: '', comments: comments.filter((c) => c.note === n).map((c) => ({ id: c.id, content: c.text, create_time: c.at * 1000, user_info: PEOPLE[c.who], sub_comments: c.replies.map((r) => ({ id: r.id, content: r.text, create_time: r.at * 1000, user_info: ME })) })) });
      } else if (path === '/api/sns/web/v1/comment/post' && method === 'POST') {
        const reply = { id: id(), text: String(body['content']), at: now() };
        comments.find((c) => c.id === body['target_comment_id'])!.replies.push(reply);
        sent.push(reply.text);
        data({ comment: { id: reply.id } });
      } else if (path === '/api-sxt/edith/chatline/chat') data({ chat_list: [{ customer_user_id: '5f77', nickname: '顾客', last_msg_content: letters.at(-1)!.text, last_msg_ts: letters.at(-1)!.at }] });
      else if (path === '/api-sxt/edith/chatline/msg' && method === 'POST') {
        letters.push({ id: id(), own: true, text: String(body['content']), at: Date.now() });
        sent.push(String(body['content']));
        data({ message_id: letters.at(-1)!.id });
      } else if (path === '/api-sxt/edith/chatline/msg') data({ message_list: letters.map((l) => ({ message_id: l.id, sender_id: l.own ? ME.user_id : '5f77', content: l.text, create_at: l.at })) });
      else return false;
      return true;
    },
  }, {
    addComment: async (text) => void comments.push({ id: id(), note: 0, text, who: 0, at: now(), replies: [] }),
    addMessage: async (text) => void letters.push({ id: id(), own: false, text, at: Date.now() }),
    sent: async () => [...sent],
  });
}
