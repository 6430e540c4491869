import { loadPlatforms } from '../../platforms/load.ts';
import { create } from '../../platforms/xiaohongshu/platform.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { oneBrowser } from './one-browser.ts';
import { codePicture, escape, recordedSite, sendScript, type RecordedPages } from './recorded-site.ts';

const REPLY = '/api/sns/web/v1/comment/post';

const pages: RecordedPages = {
  login: (s) => `<div class="login-container"><div class="qrcode"><img class="qrcode-img" width="120" height="120" src="${codePicture(s.code)}">${s.dead ? `<div class="status-desc refresh" onclick="fetch('/refresh')">点击刷新</div>` : ''}</div></div>`,
  home: () => `<ul class="side-bar"><li class="user side-bar-component"><a class="link-wrapper"><img class="reds-img" width="10" height="10" src="https://sns.example/a.jpg"><span class="channel">釉色日记</span></a><span class="user-redId">小红书号：94211</span></li></ul>`,
  // This list shows no ids of comments: they are derived.
  comments: (s) => `<div class="notification-page"><div class="tabs-content-container">${s.comments.map((c) => `<div class="container"><div class="user-info"><a href="/user/profile/5f${c.author}?x=1">${escape(c.author)}</a></div><div class="interaction-hint"><span class="interaction-time">1分钟前</span></div><div class="interaction-content">${escape(c.text)}</div><div class="extra"><a href="/explore/64aa?s=1"><span class="title">雨的颜色</span></a></div><div class="actions"><div class="action-reply" onclick="this.closest('.container').querySelector('[data-box]').hidden = false">回复</div></div>${c.replies.map((r) => `<div class="own-reply"><span class="content">${escape(r)}</span></div>`).join('')}<div data-box hidden><textarea class="comment-input"></textarea><button class="submit" onclick="send(this, '${c.id}')">发送</button></div></div>`).join('')}</div></div>${sendScript(REPLY)}`,
  messages: () => '',
  replyPath: REPLY,
  replyAnswer: { code: 0, success: true, data: { comment: { id: '65bb' } } },
};

platformCases('xiaohongshu', async () => {
  const site = await recordedSite(pages);
  const { config } = (await loadPlatforms()).find((p) => p.id === 'xiaohongshu')!;
  const at = (path: string) => `${site.url}/${path}`;
  const platform = create({ ...config!, urls: { ...config!.urls, login: at('login'), home: at('home'), comments: at('comments') }, timeouts: { ...config!.timeouts, element: 3000 } });
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
      addMessage: async () => undefined,
      sent: async () => [...site.sent],
    },
    async stop() {
      await browser.close();
      await site.stop();
    },
  };
});
