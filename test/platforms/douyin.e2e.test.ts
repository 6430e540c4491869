import { loadPlatforms } from '../../platforms/load.ts';
import { create } from '../../platforms/douyin/platform.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { oneBrowser } from './one-browser.ts';
import { codePicture, escape, recordedSite, sendScript, type RecordedPages } from './recorded-site.ts';

const REPLY = '/aweme/v1/web/comment/publish/';

const pages: RecordedPages = {
  login: (s) => s.dead
    ? `<div class="login-panel-x1"><div class="qrcode-expired-Ab3"><p>二维码失效</p><span class="refresh-9k" onclick="fetch('/refresh')">点击刷新</span></div></div>`
    : `<div class="login-panel-x1"><div id="animate_qrcode_container"><img aria-label="二维码" width="120" height="120" src="${codePicture(s.code)}"></div></div>`,
  home: () => `<header><div class="user-info-aa"><img class="img-1" src="https://p3.example/a.png" width="10" height="10"><span class="name-_lSSDc">陶艺小美</span><span class="unique_id-EuH8eA">抖音号：xiaomei88</span></div></header>`,
  comments: (s) => `<div class="comment-list-Zz">${s.comments.map((c) => `<div class="comment-item-Qx" data-comment-id="${c.id}"><a href="https://www.douyin.com/user/MS4w${c.id}?from=web"><span class="username-aLgaNB">${escape(c.author)}</span></a><span class="time-NRtTXO">刚刚</span><div class="comment-content-text-JvmAKq">${escape(c.text)}</div><a href="https://www.douyin.com/video/7300?x=1"><span class="work-title-x">春天的釉</span></a><div class="operations-WFV7Am"><span onclick="this.closest('.comment-item-Qx').querySelector('[data-box]').hidden = false">回复</span></div>${c.replies.map((r, i) => `<div class="reply-item-author-1" data-comment-id="r${c.id}-${i}"><span class="reply-text-2">${escape(r)}</span></div>`).join('')}<div class="reply-input-3" data-box hidden><textarea></textarea><button onclick="send(this, '${c.id}')">发送</button></div></div>`).join('')}</div>${sendScript(REPLY)}`,
  messages: (s) => `<ul><li class="conversation-item-1" data-user-id="u77" onclick="document.querySelector('#talk').hidden = false"><span class="conversation-name-2">顾客</span><span class="conversation-last-3">${escape(s.messages.at(-1)?.text ?? '')}</span></li></ul><div id="talk" hidden>${s.messages.map((m) => `<div class="message-item-1" data-message-id="${m.id}"><div class="${m.own ? 'is-me-2' : 'other'}"></div><pre class="message-text-3">${escape(m.text)}</pre><span class="message-time-4">刚刚</span></div>`).join('')}<div data-box><div contenteditable="true" style="width:200px;height:30px"></div><button onclick="send(this)">发送</button></div></div>${sendScript(REPLY)}`,
  replyPath: REPLY,
  replyAnswer: { status_code: 0, comment_info: { comment_id: '9001' } },
};

platformCases('douyin', async () => {
  const site = await recordedSite(pages);
  const { config } = (await loadPlatforms()).find((p) => p.id === 'douyin')!;
  const at = (path: string) => `${site.url}/${path}`;
  const platform = create({ ...config!, urls: { ...config!.urls, login: at('login'), home: at('home'), comments: at('comments'), messages: at('messages') }, timeouts: { ...config!.timeouts, element: 3000 } });
  const browser = await oneBrowser();
  let n = 0;
  return {
    platform, newContext: browser.newContext,
    replica: {
      url: site.url, answer: async () => '', stop: async () => undefined,
      confirm: async () => void site.confirm(),
      expireCode: async () => void (site.state.dead = true),
      logOutAll: async () => void site.logOut(),
      addComment: async (text: string) => void site.state.comments.unshift({ id: `81${n++}`, author: 'Neu', text, replies: [] }),
      addMessage: async (text: string) => void site.state.messages.push({ id: `m${n++}`, text, own: false }),
      sent: async () => [...site.sent],
    },
    async stop() {
      await browser.close();
      await site.stop();
    },
  };
});
