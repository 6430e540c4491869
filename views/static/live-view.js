// The live view of a window: pictures by server-sent events, and acting in it while one has taken over.
(() => {
  'use strict';
  const box = document.querySelector('[data-live]');
  if (!box) return;
  const base = box.dataset.live;
  const find = (selector) => document.querySelector(selector);
  const stage = box.querySelector('.live-stage');
  const img = stage.querySelector('img');
  const wait = stage.querySelector('.live-wait');
  const line = find('[data-live-who]');
  const address = find('[data-live-address]');
  const typing = find('[data-live-type]');
  const takeButton = find('[data-live-take]');
  const endButton = find('[data-live-end]');
  let view = { w: 1280, h: 800 };
  let holder = null;
  let state = null;
  let queue = [];
  let sending = false;

  // Pictures and what is beside them.
  const source = new EventSource(`${base}/cast`);
  source.addEventListener('frame', (event) => {
    const { w, h, jpeg } = JSON.parse(event.data);
    img.src = `data:image/jpeg;base64,${jpeg}`;
    view = { w, h };
    img.width = w;
    img.height = h;
    img.hidden = false;
    wait.hidden = true;
  });
  source.addEventListener('state', (event) => {
    state = JSON.parse(event.data);
    draw();
  });
  source.addEventListener('failed', (event) => say(JSON.parse(event.data).why));
  source.addEventListener('signed-out', () => location.reload());
  addEventListener('pagehide', () => {
    source.close();
    if (holder) navigator.sendBeacon?.(`${base}/control/end`, new Blob([JSON.stringify({ holder })], { type: 'application/json' }));
  });

  const say = (text) => (line.textContent = text);
  const mine = () => holder !== null && state !== null && isMe(state.control);
  const isMe = (by) => by === `user:${box.dataset.user}`;
  const nameOf = (by) => by.replace(/^\w+:/, '');

  function draw() {
    if (!state) return;
    if (holder && !isMe(state.control)) lose(box.dataset.ended);
    const held = mine();
    const who = state.gone ? box.dataset.gone : held ? box.dataset.mine : state.control ? box.dataset.theirs.replace('{name}', nameOf(state.control)) : box.dataset.free;
    say(state.task && !state.gone ? `${who} · ${box.dataset.task.replace('{name}', nameOf(state.task))}` : who);
    stage.classList.toggle('held', held);
    typing.hidden = !held;
    for (const b of box.querySelectorAll('[data-live-go]')) b.disabled = !held;
    address.url.readOnly = !held;
    if (document.activeElement !== address.url) address.url.value = state.url;
    if (takeButton) takeButton.hidden = held || state.gone;
    if (takeButton) takeButton.disabled = Boolean(state.control) && !isMe(state.control);
    if (endButton) endButton.hidden = !held;
  }

  function lose(text) {
    holder = null;
    queue = [];
    say(text);
  }

  async function post(path, body) {
    const answer = await fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json', 'hx-request': 'true' }, body: JSON.stringify(body) });
    if (answer.ok) return answer.json();
    const told = JSON.parse(answer.headers.get('hx-trigger') ?? '{}').toast?.text;
    throw new Error(told ?? `${answer.status}`);
  }

  takeButton?.addEventListener('click', async () => {
    try {
      ({ holder } = await post('/control', {}));
      state = { ...state, control: `user:${box.dataset.user}` };
      draw();
      stage.focus();
    } catch (error) {
      say(error.message);
    }
  });
  endButton?.addEventListener('click', async () => {
    const id = holder;
    lose(box.dataset.free);
    state = { ...state, control: null };
    draw();
    await post('/control/end', { holder: id }).catch((error) => say(error.message));
  });

  // What is done goes out in order; moves that nobody waits for are left out.
  function put(input) {
    if (!mine()) return;
    if (input.is === 'move' && queue.at(-1)?.is === 'move') queue.pop();
    queue.push(input);
    void flush();
  }
  async function flush() {
    if (sending) return;
    sending = true;
    while (queue.length > 0 && holder) {
      const inputs = queue.splice(0, 64);
      await post('/input', { holder, inputs }).catch((error) => say(error.message));
    }
    sending = false;
  }

  const at = (event) => {
    const r = img.getBoundingClientRect();
    const inside = (n) => Math.min(1, Math.max(0, n));
    return { x: inside((event.clientX - r.left) / r.width), y: inside((event.clientY - r.top) / r.height) };
  };
  const BUTTONS = ['left', 'middle', 'right'];
  let touch = null;
  stage.addEventListener('pointerdown', (event) => {
    if (!mine()) return;
    event.preventDefault();
    stage.focus({ preventScroll: true });
    if (event.pointerType === 'touch') return void (touch = { ...at(event), startX: event.clientX, startY: event.clientY, lastX: event.clientX, lastY: event.clientY, moved: false });
    stage.setPointerCapture(event.pointerId);
    put({ is: 'down', ...at(event), button: BUTTONS[event.button] ?? 'left', clicks: Math.min(3, event.detail || 1) });
  });
  stage.addEventListener('pointermove', (event) => {
    if (!mine()) return;
    if (event.pointerType !== 'touch') return put({ is: 'move', ...at(event) });
    if (!touch) return;
    if (Math.hypot(event.clientX - touch.startX, event.clientY - touch.startY) > 8) touch.moved = true;
    // A finger that moves turns the page, as on any phone.
    const scale = view.w / img.getBoundingClientRect().width;
    if (touch.moved) put({ is: 'wheel', x: touch.x, y: touch.y, dx: (touch.lastX - event.clientX) * scale, dy: (touch.lastY - event.clientY) * scale });
    touch.lastX = event.clientX;
    touch.lastY = event.clientY;
  });
  stage.addEventListener('pointerup', (event) => {
    if (!mine()) return;
    if (event.pointerType !== 'touch') return put({ is: 'up', ...at(event), button: BUTTONS[event.button] ?? 'left', clicks: 1 });
    if (touch && !touch.moved) {
      const place = at(event);
      put({ is: 'down', ...place, button: 'left', clicks: 1 });
      put({ is: 'up', ...place, button: 'left', clicks: 1 });
    }
    touch = null;
  });
  stage.addEventListener('pointercancel', () => (touch = null));
  stage.addEventListener('contextmenu', (event) => mine() && event.preventDefault());
  stage.addEventListener('wheel', (event) => {
    if (!mine()) return;
    event.preventDefault();
    const bound = (n) => Math.max(-5000, Math.min(5000, n * (event.deltaMode === 1 ? 30 : 1)));
    put({ is: 'wheel', ...at(event), dx: bound(event.deltaX), dy: bound(event.deltaY) });
  }, { passive: false });

  stage.addEventListener('keydown', (event) => {
    if (!mine() || event.isComposing || ['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) return;
    // Ctrl+Shift+Escape leaves the window, for those who have no mouse.
    if (event.key === 'Escape' && event.ctrlKey && event.shiftKey) return endButton.click();
    event.preventDefault();
    event.stopPropagation();
    const held = [event.ctrlKey && 'Control', event.altKey && 'Alt', event.metaKey && 'Meta'].filter(Boolean);
    if (event.key.length === 1 && held.length === 0) return put({ is: 'text', text: event.key });
    put({ is: 'key', key: [...held, event.shiftKey && 'Shift', event.key === ' ' ? 'Space' : event.key].filter(Boolean).join('+') });
  });
  stage.addEventListener('paste', (event) => {
    const text = event.clipboardData?.getData('text').slice(0, 5000);
    if (mine() && text) put({ is: 'text', text });
    if (mine()) event.preventDefault();
  });

  typing.addEventListener('submit', (event) => {
    event.preventDefault();
    if (typing.text.value !== '') put({ is: 'text', text: typing.text.value.slice(0, 5000) });
    typing.text.value = '';
  });
  typing.addEventListener('click', (event) => {
    const key = event.target.closest('[data-live-key]')?.dataset.liveKey;
    if (key) put({ is: 'key', key });
  });
  const go = (action, url) => mine() && post('/go', { holder, action, ...(url ? { url } : {}) }).catch((error) => say(error.message));
  for (const b of box.querySelectorAll('[data-live-go]')) b.addEventListener('click', () => go(b.dataset.liveGo));
  address.addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = address.url.value.trim();
    if (typed) void go('goto', /^\w+:/.test(typed) ? typed : `https://${typed}`);
  });
})();
