// The inbox: keys for talks, many at once, drafts that are kept, canned answers.
(() => {
  'use strict';
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /** Posts a form; what the server says in HX-Trigger happens on the page. */
  async function post(url, fields) {
    try {
      const response = await fetch(url, { method: 'POST', headers: { 'HX-Request': 'true' }, body: new URLSearchParams(fields) });
      const said = response.headers.get('HX-Trigger');
      for (const [name, detail] of Object.entries(said ? JSON.parse(said) : {})) document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
      if (response.status === 401) location.reload();
      return response.ok;
    } catch {
      document.body.dispatchEvent(new CustomEvent('toast', { detail: { text: $('#live')?.dataset.offline ?? 'Network error', bad: true }, bubbles: true }));
      return false;
    }
  }

  const rows = () => all('#inbox-list [data-talk]');
  const thread = () => $('.thread[data-thread]');
  const here = () => rows().find((row) => row.getAttribute('aria-current') === 'true') ?? rows().find((row) => row === document.activeElement);
  const picked = () => all('#inbox-list [data-pick]:checked').map((box) => box.value);

  /** Those that are picked, else the open one, else the row that has the focus. */
  function targets() {
    const many = picked();
    if (many.length > 0) return many;
    const one = thread()?.dataset.thread ?? here()?.dataset.talk;
    return one ? [one] : [];
  }

  // Where to go when the open one leaves the list.
  let after = null;
  function nextOf(ids) {
    if (!thread() || !ids.includes(thread().dataset.thread)) return null;
    const list = rows();
    const at = list.findIndex((row) => row.dataset.talk === thread().dataset.thread);
    const rest = at < 0 ? [] : [...list.slice(at + 1), ...list.slice(0, at).reverse()];
    return rest.find((row) => !ids.includes(row.dataset.talk))?.dataset.talk ?? null;
  }

  const ASKS = new Set(['assign', 'label', 'snooze']);
  function act(what, ids) {
    if (ids.length === 0) return;
    after = what === 'close' || what === 'snooze' ? nextOf(ids) : null;
    if (ASKS.has(what)) return void htmx.ajax('GET', `/inbox/ask/${what}?ids=${ids.join(',')}`, { target: '#dialog', swap: 'innerHTML' });
    if (what === 'unread' && ids.every((id) => Number(rows().find((row) => row.dataset.talk === id)?.dataset.unread ?? 0) > 0)) what = 'read';
    if (what === 'unread') leaveUnread(ids);
    void post('/inbox/act', { do: what, ids: ids.join(',') });
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-talk-act]');
    if (!button) return;
    const ids = 'talkPicked' in button.dataset ? picked() : [thread()?.dataset.thread].filter(Boolean);
    act(button.dataset.talkAct, ids);
  });
  document.addEventListener('acted', () => {
    for (const box of all('[data-pick]:checked, [data-pick-all]')) box.checked = false;
    $('[data-pick]')?.dispatchEvent(new Event('change', { bubbles: true }));
    const state = new URLSearchParams(location.search).get('state') ?? 'open';
    const row = after && state !== 'all' ? rows().find((r) => r.dataset.talk === after) : null;
    after = null;
    row?.click();
  });

  // Keys.
  const KEYS = { e: 'close', s: 'snooze', a: 'assign', l: 'label', u: 'unread' };
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input:not([type=checkbox]), textarea, select') || $('dialog[open]')) return;
    const key = event.key.toLowerCase();
    if (KEYS[key]) {
      event.preventDefault();
      act(KEYS[key], targets());
    } else if (key === 'x') {
      const box = $('[data-pick]', (document.activeElement.closest?.('.talk-line') ?? here()?.closest('.talk-line')) ?? document.createElement('i'));
      box?.click();
    } else if (key === 'z') all('.toast [data-undo]').at(-1)?.click();
  });

  // A talk that is open is read, once for each item that comes; marked unread it stays so until another comes.
  const seen = new Map();
  let reading = null;
  function leaveUnread(ids) {
    clearTimeout(reading);
    const open = thread();
    if (open && ids.includes(open.dataset.thread)) seen.set(open.dataset.thread, $('[data-reply-item]', open)?.value ?? '');
  }
  function readOpen() {
    const open = thread();
    const key = open?.dataset.unreadKey;
    if (!key || seen.get(open.dataset.thread) === key || !$('.reply-box', open)) return;
    clearTimeout(reading);
    reading = setTimeout(() => {
      if (thread() !== open && thread()?.dataset.thread !== open.dataset.thread) return;
      seen.set(open.dataset.thread, key);
      void post('/inbox/read', { c: open.dataset.thread });
    }, 500);
  }

  // Drafts are kept on the server while one writes.
  let saving = null;
  let unsaved = null;
  function keep() {
    clearTimeout(saving);
    saving = null;
    if (!unsaved) return;
    const { c, text } = unsaved;
    unsaved = null;
    void fetch('/inbox/draft', { method: 'POST', headers: { 'HX-Request': 'true' }, body: new URLSearchParams({ c, text }), keepalive: true }).catch(() => undefined);
  }
  function wrote(box) {
    if (unsaved && unsaved.c !== box.dataset.draft) keep();
    unsaved = { c: box.dataset.draft, text: box.value };
    clearTimeout(saving);
    saving = setTimeout(keep, 600);
    count(box);
  }
  addEventListener('pagehide', keep);
  document.addEventListener('toast', (event) => {
    const form = event.target.closest?.('.reply-box');
    if (!form || event.detail.bad) return;
    clearTimeout(saving);
    unsaved = null;
    const box = $('[data-draft]', form);
    if (!box) return;
    // What the form goes back to is the draft that it was drawn with.
    box.defaultValue = '';
    box.value = '';
    count(box);
  });
  document.addEventListener('restore-draft', (event) => {
    const { talk, text } = event.detail;
    const box = $(`[data-draft="${talk}"]`);
    if (!box || box.value.trim()) return;
    box.value = text;
    wrote(box);
    box.focus();
  });

  // How long it is, where a platform takes no more.
  function count(box) {
    const limit = Number(box.dataset.limit);
    const n = [...box.value].length;
    const label = $('[data-count]', box.form);
    if (!label) return;
    const over = n > limit;
    label.textContent = n > limit * 0.6 ? `${n} / ${limit}${over ? ` · ${box.dataset.tooLong}` : ''}` : '';
    label.classList.toggle('bad-text', over);
    box.toggleAttribute('aria-invalid', over);
    const send = $('button.main', box.form);
    if (send) send.disabled = over;
  }

  // Canned answers: `/` and a few letters, or the button.
  const SLASH = /(^|\s)\/([^\s/]{0,30})$/;
  let asked = 0;
  const pop = () => $('#canned-pop');
  const close = () => {
    const p = pop();
    if (p) p.hidden = true;
  };
  async function offer(box, q) {
    const p = pop();
    const mine = ++asked;
    const response = await fetch(`/inbox/canned?c=${box.dataset.draft}&q=${encodeURIComponent(q)}`, { headers: { 'HX-Request': 'true' } }).catch(() => null);
    if (!p || !response?.ok || mine !== asked) return;
    p.innerHTML = await response.text();
    p.hidden = false;
    choose(0);
  }
  const options = () => all('[role=option]', pop());
  const chosen = () => options().findIndex((o) => o.getAttribute('aria-selected') === 'true');
  function choose(index) {
    const list = options();
    if (list.length === 0) return;
    const at = (index + list.length) % list.length;
    for (const [i, o] of list.entries()) o.setAttribute('aria-selected', String(i === at));
    list[at].scrollIntoView({ block: 'nearest' });
  }
  function insert(option) {
    const box = $('[data-draft]');
    const caret = box.selectionStart;
    const before = box.value.slice(0, caret).replace(SLASH, '$1');
    const text = option.dataset.cannedText;
    box.value = before + text + box.value.slice(caret);
    box.focus();
    box.setSelectionRange(before.length + text.length, before.length + text.length);
    close();
    wrote(box);
  }
  document.addEventListener('input', (event) => {
    const box = event.target;
    if (!box.matches?.('[data-draft]')) return;
    wrote(box);
    const slash = SLASH.exec(box.value.slice(0, box.selectionStart));
    if (slash) void offer(box, slash[2]);
    else close();
  });
  document.addEventListener('keydown', (event) => {
    if (!event.target.matches?.('[data-draft]') || event.isComposing || pop()?.hidden !== false) return;
    const at = chosen();
    if (event.key === 'Escape') close();
    else if (event.key === 'ArrowDown') choose(at + 1);
    else if (event.key === 'ArrowUp') choose(at - 1);
    else if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0) insert(options()[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener('click', (event) => {
    const option = event.target.closest('[data-canned-text]');
    if (option) return insert(option);
    if (event.target.closest('[data-canned]')) return pop()?.hidden === false ? close() : void offer($('[data-draft]'), '');
    if (!event.target.closest('#canned-pop')) close();
  });

  // A part that was asked for anew before somebody opened another talk comes too late: it is asked for once more.
  document.addEventListener('htmx:before:swap', (event) => {
    const action = event.target.id === 'inbox' && event.detail.ctx?.request?.action;
    if (!action || new URL(action, location.href).search === location.search) return;
    event.preventDefault();
    setTimeout(() => $('#inbox')?.dispatchEvent(new CustomEvent('live')), 50);
  });

  function settle() {
    readOpen();
    const box = $('[data-draft]');
    if (box) count(box);
  }
  settle();
  document.addEventListener('htmx:after:swap', settle);
})();
