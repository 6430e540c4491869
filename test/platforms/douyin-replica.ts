import type { Replica } from '../../platforms/replica.ts';
import { creatorReplica, movedPath } from './creator-login-replica.ts';

type Comment = { cid: string; item: string; text: string; who: number; at: number; replies: { cid: string; text: string; at: number }[] };
const PAGE = 4;
const ME = { uid: '1001', nickname: '陶艺小美', unique_id: 'xiaomei88', avatar_thumb: { url_list: ['https://p3.example/me.jpeg'] } };
const PEOPLE = [{ uid: '2001', nickname: '小林' }, { uid: '2002', nickname: 'Bo' }];
const now = () => Math.floor(Date.now() / 1000);

/** Douyin's creator centre in outline: a picker of posts, comments by pages of JSON, replies behind a click, private messages that are drawn only. `moved`: the JSON stands where nobody looks for it, as after a redesign. */
export async function start(moved = false): Promise<Replica> {
  const at = (path: string) => (moved ? movedPath(path) : path);
  let next = 7000;
  const sent: string[] = [];
  const posts = [{ item_id_plain: '7301', title: '春天的釉' }, { item_id_plain: '7300', title: '第一只茶碗' }];
  const comments: Comment[] = Array.from({ length: 9 }, (_, i) => ({ cid: `${next++}`, item: i < 6 ? '7301' : '7300', text: `评论 ${i + 1}`, who: i % 2, at: now() - (9 - i) * 3600, replies: [] }));
  const talk = [{ id: 'm1', own: false, text: '你好' }, { id: 'm2', own: true, text: '你好呀' }];
  const of = (item: string) => comments.filter((c) => c.item === item).reverse();

  const nav = `<header id="me"></header>`;
  const me = `get('${at('/web/api/media/user/info/')}').then(({ user }) => { $('#me').innerHTML = '<div class="user-info-aa"><span class="name-_lSSDc">' + esc(user.nickname) + '</span><span class="unique_id-EuH8eA">抖音号：' + esc(user.unique_id) + '</span></div>'; });`;
  const commentsPage = `let item = null, cursor = 0, more = false;
    const row = (c) => '<div class="container-sXKyMs"><div class="username-aLgaNB">' + esc(c.user.nickname) + '</div><div class="time-NRtTXO">刚刚</div><div class="comment-content-text-JvmAKq">' + esc(c.text) + '</div><div class="operations-WFV7Am"><span data-do="answer" data-cid="' + c.cid + '">回复</span>' + (c.reply_comment_total ? '<span class="load-more-OY2U8H" data-do="replies" data-cid="' + c.cid + '">查看' + c.reply_comment_total + '条回复</span>' : '') + '</div><div class="replies"></div></div>';
    const load = async () => { const a = await get('${at('/web/api/third_party/aweme/api/comment/read/aweme/v1/web/comment/list/select/')}?aweme_id=' + item + '&cursor=' + cursor + '&count=${PAGE}'); cursor = a.cursor; more = a.has_more; $('#list').insertAdjacentHTML('beforeend', a.comments.map(row).join('')); $('#end').textContent = more ? '' : '没有更多评论'; };
    const choose = (id) => { item = id; cursor = 0; $('#list').innerHTML = ''; $('#picker').hidden = true; load(); };
    addEventListener('wheel', () => more && load());
    $('#open').onclick = async () => { const { item_info_list } = await get('${at('/aweme/v1/creator/item/list/')}?cursor='); $('#picker').innerHTML = '<span class="sidesheet-close">×</span><ul class="douyin-creator-interactive-list-items">' + item_info_list.map((p) => '<li class="container-Lkxos9" data-item="' + p.item_id_plain + '"><div class="title-LUOP3b">' + esc(p.title) + '</div><div class="right-os7ZB9">' + p.comment_count + '条评论</div></li>').join('') + '</ul>'; $('#picker').hidden = false; };
    addEventListener('click', async (e) => { const li = e.target.closest('[data-item]'); if (li) return choose(li.dataset.item); if (e.target.className === 'sidesheet-close') return $('#picker').hidden = true; const what = e.target.dataset.do, cid = e.target.dataset.cid; const box = e.target.closest('.container-sXKyMs');
      if (what === 'replies') { const a = await get('${at('/web/api/third_party/aweme/api/comment/read/aweme/v1/web/comment/list/reply/')}?comment_id=' + cid); $('.replies', box).innerHTML = a.comments.map((r) => '<div class="reply-item author"><span class="author-tag">作者</span><span class="reply-text-x">' + esc(r.text) + '</span></div>').join(''); }
      if (what === 'answer') $('.replies', box).insertAdjacentHTML('beforebegin', '<div class="reply-content-rD2X"><div class="input-d24X73" contenteditable="true" style="width:200px;height:20px"></div><button data-do="send" data-cid="' + cid + '">发送</button></div>');
      if (what === 'send') await post('/aweme/v1/creator/comment/reply/', { comment_id: cid, text: $('[contenteditable]', box).innerText }); });`;
  const chatPage = `const draw = async () => { const a = await get('/drawn'); $('#grid').innerHTML = '<div role="listitem" class="conversation-item-1"><span class="item-header-name-vL">顾客</span><span class="item-content-x">' + esc(a.talk.at(-1).text) + '</span></div>'; $('#talk').innerHTML = a.talk.map((m) => '<div class="box-item-dSA1TJ' + (m.own ? ' is-me-TJHr4A' : '') + '" data-message-id="' + m.id + '"><pre class="text-item-message-YBtflz">' + esc(m.text) + '</pre></div>').join(''); }; draw();
    $('#grid').onclick = () => { $('#chat').hidden = false; }; $('#go').onclick = async () => { await post('/v1/message/send', { text: $('#chat [contenteditable]').innerText }); draw(); };`;

  return creatorReplica({
    cookie: 'sessionid',
    login: {
      qr: (image) => `<div class="login-panel-x1"><span data-act="way" class="tab-sms">验证码登录</span><div id="animate_qrcode_container"><img aria-label="二维码" width="120" height="120" src="${image}"></div></div>`,
      dead: `<div class="login-panel-x1"><div class="qrcode-expired-Ab3"><p>二维码失效</p><span class="refresh-9k" data-act="refresh">点击刷新</span></div></div>`,
      verify: (error) => `<div class="login-panel-x1"><div class="uc-ui-verify_sms"><div class="verify-title">接收短信验证码</div><input class="code" placeholder="请输入验证码"><button data-act="check">验证</button><p class="verify-error">${error}</p></div></div>`,
      sms: (ready, error) => `<div class="login-panel-x1"><input class="phone" placeholder="请输入手机号"><span class="send-sms" data-act="send">获取验证码</span>${ready ? `<input class="code code-of-login" placeholder="短信码"><button class="go-sms" data-act="check">登录</button>` : ''}<p class="form-error-x">${error}</p></div>`,
      slider: `<div id="captcha_container"><div class="captcha_verify_bar">拖动滑块</div></div>`,
    },
    serve({ url, method, body, json, page }) {
      const path = url.pathname;
      if (path === '/' || path === '/creator-micro/home') page(me, nav);
      else if (path === '/creator-micro/interactive/comment') page(me + commentsPage, `${nav}<span id="open">选择作品</span><div id="picker" hidden></div><div id="list"></div><div id="end"></div>`);
      else if (path === '/creator-micro/data/following/chat') page(me + chatPage, `${nav}<div role="grid" id="grid"></div><div id="chat" hidden><div id="talk"></div><div class="chat-input-dcAb" contenteditable="true" style="width:200px;height:20px"></div><button id="go">发送</button></div>`);
      else if (path === '/web/api/media/user/info/') json({ status_code: 0, user: ME });
      else if (path === '/aweme/v1/creator/item/list/') json({ status_code: 0, has_more: false, item_info_list: posts.map((p) => ({ ...p, comment_count: of(p.item_id_plain).length })) });
      else if (path.endsWith('/comment/list/select/')) {
        const all = of(url.searchParams.get('aweme_id') ?? '');
        const at = Number(url.searchParams.get('cursor'));
        json({ status_code: 0, cursor: at + PAGE, has_more: at + PAGE < all.length, comments: all.slice(at, at + PAGE).map((c) => ({ cid: c.cid, text: c.text, aweme_id: c.item, create_time: c.at, user: PEOPLE[c.who], reply_comment: null, reply_comment_total: c.replies.length })) });
      } else if (path.endsWith('/comment/list/reply/')) json({ status_code: 0, has_more: false, comments: comments.find((c) => c.cid === url.searchParams.get('comment_id'))!.replies.map((r) => ({ cid: r.cid, text: r.text, create_time: r.at, root_comment_id: url.searchParams.get('comment_id'), user: ME })) });
      else if (path === '/aweme/v1/creator/comment/reply/' && method === 'POST') {
        const reply = { cid: `${next++}`, text: String(body['text']), at: now() };
        comments.find((c) => c.cid === body['comment_id'])!.replies.push(reply);
        sent.push(reply.text);
        json({ status_code: 0, comment_info: { comment_id: reply.cid } });
      } else if (path === '/v1/message/send' && method === 'POST') {
        talk.push({ id: `m${next++}`, own: true, text: String(body['text']) });
        sent.push(String(body['text']));
        json({ status_code: 0 });
      } else if (path === '/drawn') json({ talk });
      else return false;
      return true;
    },
  }, {
    addComment: async (text) => void comments.push({ cid: `${next++}`, item: '7301', text, who: 0, at: now(), replies: [] }),
    addMessage: async (text) => void talk.push({ id: `m${next++}`, own: false, text }),
    sent: async () => [...sent],
  });
}
