// News: what is high or urgent is told on every page as it comes, and by the browser itself where somebody has asked for that.
(() => {
  'use strict';
  const live = document.querySelector('#live');
  const box = document.querySelector('#toasts');
  if (!live || !box) return;
  const SHOWN = 9000;
  /** Many at once are told as one. */
  const MOST = 3;
  let memory = null;
  try {
    memory = localStorage;
  } catch {
    // The browser keeps nothing: each tab then tells for itself.
  }
  let own = null;
  const seen = () => Number(memory?.getItem('troupe-noticed') ?? own ?? Number.NaN);
  const note = (id) => {
    own = id;
    memory?.setItem('troupe-noticed', String(id));
  };

  const wanted = () => 'Notification' in window && Notification.permission === 'granted' && memory?.getItem('troupe-desktop') === 'on';

  function show({ key, title, content, href, priority }) {
    const line = document.createElement(href ? 'a' : 'div');
    line.className = `toast news${priority === 'urgent' ? ' bad' : ''}`;
    if (href) line.href = href;
    const head = document.createElement('b');
    head.textContent = title;
    const text = document.createElement('span');
    text.textContent = content;
    line.append(head, text);
    box.append(line);
    setTimeout(() => line.remove(), SHOWN);
    if (!wanted()) return;
    // One tag is one notification, however many tabs tell of it.
    const told = new Notification(title, { body: content, tag: key, icon: '/static/icon.svg', requireInteraction: priority === 'urgent' });
    told.addEventListener('click', () => {
      window.focus();
      if (href) location.assign(href);
      told.close();
    });
  }

  let asking = false;
  let again = false;
  async function look() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const after = seen();
      const answer = await fetch(`/notifications/fresh${Number.isFinite(after) ? `?after=${after}` : ''}`, { headers: { accept: 'application/json' } });
      if (!answer.ok) return;
      const { last, items, more } = await answer.json();
      // Another tab may have been faster.
      if (Number.isFinite(after) && seen() !== after && seen() >= last) return;
      note(last);
      for (const item of items.slice(0, MOST)) show(item);
      const rest = items.length - Math.min(items.length, MOST) + more;
      if (rest > 0) show({ key: `more-${last}`, title: live.dataset.news.replace('{n}', String(rest)), content: '', href: '/notifications', priority: 'high' });
    } catch {
      // The next one tells of this one too.
    } finally {
      asking = false;
      if (again) {
        again = false;
        void look();
      }
    }
  }
  live.addEventListener('changed', (event) => {
    const topics = JSON.parse(event.detail.data);
    if (topics.includes('notification') || topics.includes('all')) void look();
  });
  void look();

  // The switch on the page of notifications.
  function draw() {
    for (const button of document.querySelectorAll('[data-desktop]')) {
      const can = 'Notification' in window && Notification.permission !== 'denied';
      button.disabled = !can;
      button.textContent = can ? (wanted() ? button.dataset.on : button.dataset.off) : button.dataset.never;
      button.setAttribute('aria-pressed', String(wanted()));
    }
  }
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-desktop]');
    if (!button) return;
    if (wanted()) memory?.setItem('troupe-desktop', 'off');
    else if ((await Notification.requestPermission()) === 'granted') memory?.setItem('troupe-desktop', 'on');
    draw();
  });
  document.addEventListener('htmx:after:swap', draw);
  draw();
})();
