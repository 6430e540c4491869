// What htmx leaves open: toasts, dialogs, countdowns, keys, and a poll for when the live connection is gone.
(() => {
  'use strict';
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const drift = Date.now() - Number(document.documentElement.dataset.now || Date.now());

  // A details element that a reader opened stays open when its part of the page is drawn anew.
  htmx.registerExtension('troupe', {
    htmx_before_morph_attr: (element, detail) => !(element.tagName === 'DETAILS' && (detail.attrName === 'open' || (detail.attrName === 'class' && element.classList.contains('menu')))),
  });

  // A menu that stands too far left to open to the left opens to the right.
  document.addEventListener('toggle', ({ target }) => {
    if (!target.matches?.('.menu[open]')) return;
    target.classList.remove('rightward');
    const from = target.closest('main, dialog') ?? document.body;
    if ($('.menu-list', target).getBoundingClientRect().left < from.getBoundingClientRect().left) target.classList.add('rightward');
  }, true);

  // Toasts. The server sends them in the HX-Trigger header.
  function toast(text, bad = false, undo = null) {
    const line = document.createElement('div');
    line.className = bad ? 'toast bad' : 'toast';
    line.textContent = text;
    if (undo) {
      // The way back, for ten seconds.
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'button plain';
      button.textContent = undo.label;
      button.dataset.undo = '';
      button.addEventListener('click', () => {
        line.remove();
        htmx.ajax('POST', undo.url, { swap: 'none' });
      });
      line.append(button);
    }
    $('#toasts')?.append(line);
    setTimeout(() => line.remove(), undo ? 10_000 : bad ? 9000 : 4500);
  }
  document.addEventListener('toast', (event) => {
    const { text, bad, inForm, undo } = event.detail;
    const form = event.target.closest?.('form');
    // What the form itself says is not said twice.
    if (!(inForm && form && $('.form-error', form))) toast(text, bad, undo);
    if (bad) return;
    if (form && 'reset' in form.dataset) {
      form.reset();
      drafts?.removeItem(`draft-${form.id}`);
      const key = form.elements.namedItem('key');
      if (key) key.value = [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
    }
    if (form && 'dialogForm' in form.dataset) closeDialog(form.closest('dialog'));
    setTimeout(() => refresh(['all']), 400);
  });
  document.addEventListener('invalid-field', (event) => {
    const form = event.target.closest?.('form');
    if (!form) return;
    const { field, text } = event.detail;
    const box = $('.form-error', form);
    if (box) {
      box.textContent = text;
      box.hidden = false;
    }
    for (const element of all('[aria-invalid]', form)) element.removeAttribute('aria-invalid');
    // A fault inside a list or a map belongs to its field.
    const input = field && (form.elements.namedItem(field) ?? form.elements.namedItem(field.split('.')[0]));
    if (input instanceof HTMLElement) {
      const panel = input.closest('.panel');
      if (panel) {
        const index = all('.panel', form).indexOf(panel);
        all('.tab-pick', form)[index].checked = true;
      }
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    }
  });
  document.addEventListener('htmx:error', (event) => {
    if (event.target.id === 'live' || event.target.matches?.('[data-topics]')) return;
    toast($('#live')?.dataset.offline ?? 'Network error', true);
  });

  // Drafts: what stands in a reply box is there again when its talk is opened again, until it is sent or the tab closes.
  let drafts = null;
  try {
    drafts = sessionStorage;
  } catch {
    // The browser keeps nothing; then nothing is kept.
  }
  document.addEventListener('input', (event) => {
    if (!event.target.matches('[data-reply]')) return;
    const key = `draft-${event.target.form.id}`;
    if (event.target.value.trim()) drafts?.setItem(key, event.target.value);
    else drafts?.removeItem(key);
  });
  function takeDrafts() {
    for (const box of all('[data-reply]')) box.value ||= drafts?.getItem(`draft-${box.form.id}`) ?? '';
  }
  takeDrafts();
  document.addEventListener('htmx:after:swap', takeDrafts);

  // Dialogs: one at a time, in #dialog.
  function closeDialog(dialog) {
    dialog?.close();
  }
  const holder = $('#dialog');
  if (holder) {
    new MutationObserver(() => {
      const dialog = $('dialog', holder);
      if (dialog && !dialog.open) {
        dialog.showModal();
        // By keyboard one writes at once; a phone would cover the dialog with its keys.
        if (!$('[autofocus]', dialog) && matchMedia('(pointer: fine)').matches) $('form :is(input, textarea):not([type=hidden], [readonly], [hidden] *)', dialog)?.focus({ preventScroll: true });
        for (const menu of all('.menu[open]')) menu.open = false;
        dialog.addEventListener('close', () => dialog.remove(), { once: true });
        follow(dialog);
      }
    }).observe(holder, { childList: true });
  }
  // A dialog's own address leads to its page, and from there to the dialog.
  const asked = new URLSearchParams(location.hash.slice(1)).get('dialog');
  if (asked && holder && URL.canParse(asked, location.href)) {
    const to = new URL(asked, location.href);
    history.replaceState(history.state, '', location.pathname + location.search);
    if (to.origin === location.origin) htmx.ajax('GET', to.pathname + to.search, { target: '#dialog', swap: 'innerHTML' });
  }
  document.addEventListener('click', (event) => {
    const close = event.target.closest('[data-close]');
    if (close) return closeDialog(close.closest('dialog'));
    if (event.target.closest('[data-keys]')) return $('#keys').showModal();
    if (event.target.closest('[data-refresh]')) return refresh(['all']);
    if (event.target.tagName === 'DIALOG' && event.target.closest('#dialog, #keys')) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside && !$('form', event.target)) closeDialog(event.target);
    }
    for (const menu of all('.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });

  // Confirmation in our own dialog.
  document.addEventListener('htmx:confirm', (event) => {
    event.preventDefault();
    const { ctx, issueRequest, dropRequest } = event.detail;
    const live = $('#live');
    const dialog = document.createElement('dialog');
    dialog.setAttribute('role', 'alertdialog');
    dialog.innerHTML = '<header><h2></h2></header><footer><button class="button plain" value="no"></button><button class="button main" value="yes" autofocus></button></footer>';
    $('h2', dialog).textContent = ctx.confirm;
    $('[value=no]', dialog).textContent = live?.dataset.cancel ?? 'Cancel';
    $('[value=yes]', dialog).textContent = live?.dataset.ok ?? 'OK';
    dialog.addEventListener('click', (e) => e.target.value && dialog.close(e.target.value));
    dialog.addEventListener('close', () => {
      (dialog.returnValue === 'yes' ? issueRequest : dropRequest)();
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });

  // Countdowns and ages.
  const pad = (n) => String(n).padStart(2, '0');
  function tick() {
    const now = Date.now() - drift;
    for (const element of all('[data-until]')) {
      const left = Math.ceil((Number(element.dataset.until) - now) / 1000);
      const text = left > 3600 ? `${Math.floor(left / 3600)}:${pad(Math.floor((left % 3600) / 60))}:${pad(left % 60)}` : left > 0 ? `${Math.floor(left / 60)}:${pad(left % 60)}` : element.dataset.over;
      if (element.textContent !== text) element.textContent = text;
    }
  }
  const ages = new Intl.RelativeTimeFormat(document.documentElement.lang || 'en', { numeric: 'auto', style: 'short' });
  function age() {
    for (const element of all('[data-ago]')) {
      const s = Math.round((Number(element.dataset.ago) - (Date.now() - drift)) / 1000);
      const size = Math.abs(s);
      if (size < 10) continue;
      element.textContent = size < 60 ? ages.format(s, 'second') : size < 3600 ? ages.format(Math.round(s / 60), 'minute') : size < 86400 ? ages.format(Math.round(s / 3600), 'hour') : ages.format(Math.round(s / 86400), 'day');
    }
  }
  setInterval(tick, 500);
  setInterval(age, 10_000);

  // Live: the server names what changed, the parts of the page that show it draw themselves anew.
  function refresh(topics) {
    const changed = new Set(topics);
    for (const part of all('[data-topics]')) {
      if (changed.has('all') || part.dataset.topics.split(' ').some((topic) => changed.has(topic))) part.dispatchEvent(new CustomEvent('live'));
    }
  }
  let connected = false;
  let told = false;
  const live = $('#live');
  if (live) {
    live.addEventListener('changed', (event) => refresh(JSON.parse(event.detail.data)));
    live.addEventListener('signed-out', () => location.reload());
    live.addEventListener('htmx:sse:after:connection', () => {
      connected = true;
      told = false;
    });
    const lost = () => {
      if (connected && !told && !document.hidden) {
        told = true;
        toast(live.dataset.lost, true);
      }
      connected = false;
    };
    live.addEventListener('htmx:sse:error', lost);
    live.addEventListener('htmx:sse:close', lost);
    let asking = false;
    setInterval(() => {
      if (connected || document.hidden) return;
      refresh(['all']);
      // A connection that never came about, because a key was faster or the server was away, is asked for once more.
      if (asking || live._htmx?.sse) return;
      asking = true;
      Promise.resolve(htmx.ajax('GET', live.getAttribute('hx-sse:connect'), { source: live })).catch(() => undefined).finally(() => (asking = false));
    }, 5000);
  }

  // A file that is picked goes into the text box of its form.
  document.addEventListener('change', async (event) => {
    const into = event.target.dataset?.into;
    const file = into && event.target.files?.[0];
    if (file) event.target.form.elements.namedItem(into).value = await file.text();
  });

  // Steps of a task: up, down, out. Their order in the form is their order.
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-step-up], [data-step-down], [data-step-drop]');
    const step = button?.closest('[data-step]');
    if (!step) return;
    if ('stepDrop' in button.dataset) {
      const next = step.nextElementSibling ?? step.previousElementSibling;
      step.remove();
      $('select, input', next ?? document.createElement('i'))?.focus();
    } else {
      if ('stepUp' in button.dataset) step.previousElementSibling?.before(step);
      else step.nextElementSibling?.after(step);
      button.focus();
    }
  });

  // Pictures of agents: those in sight are fetched anew, one after another.
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen[isIntersecting ? 'add' : 'delete'](target);
  });
  const watchThumbs = () => all('[data-thumb]').forEach((img) => {
    watcher.observe(img);
    // Nothing to show yet is no broken picture.
    const none = () => (img.hidden = true);
    if (img.complete && img.naturalWidth === 0 && img.getAttribute('loading') !== 'lazy') none();
    img.addEventListener('error', none, { once: true });
  });
  watchThumbs();
  document.addEventListener('htmx:after:swap', watchThumbs);
  (async () => {
    for (;;) {
      await new Promise((done) => setTimeout(done, 3000));
      if (document.hidden) continue;
      for (const img of [...seen]) {
        if (!img.isConnected) {
          seen.delete(img);
          continue;
        }
        const url = new URL(img.src);
        url.searchParams.set('t', String(Date.now()));
        const next = new Image();
        next.src = url.href;
        await next.decode().then(() => ([img.src, img.hidden] = [next.src, false]), () => undefined);
      }
    }
  })();

  // The map: one tip for all tiles, arrows from tile to tile, one tab stop.
  const tip = $('#tile-tip');
  let tipped = null;
  function tell(tile) {
    tipped = tile;
    tip.hidden = !tile;
    if (!tile) return;
    tip.textContent = tile.getAttribute('aria-label');
    const at = tile.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(innerWidth - size.width - 8, at.left + at.width / 2 - size.width / 2))}px`;
    tip.style.top = `${at.top - size.height - 8 > 8 ? at.top - size.height - 8 : at.bottom + 8}px`;
  }
  if (tip) {
    const stop = () => all('.tile').forEach((tile, i) => (tile.tabIndex = i === 0 ? 0 : -1));
    stop();
    document.addEventListener('htmx:after:swap', stop);
    document.addEventListener('mouseover', (event) => tell(event.target.closest?.('.tile')));
    document.addEventListener('focusin', (event) => tell(event.target.closest?.('.tile')));
    document.addEventListener('focusout', () => tell(null));
    document.addEventListener('scroll', () => tipped && tell(tipped), { passive: true });
    document.addEventListener('keydown', (event) => {
      const here = event.target.closest?.('.tile');
      if (!here || !/^(Arrow|Home$|End$)/.test(event.key)) return;
      event.preventDefault();
      const tiles = all('.tile');
      const i = tiles.indexOf(here);
      let next = event.key === 'ArrowRight' ? tiles[i + 1] : event.key === 'ArrowLeft' ? tiles[i - 1] : event.key === 'Home' ? tiles[0] : event.key === 'End' ? tiles.at(-1) : null;
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        const from = here.getBoundingClientRect();
        const down = event.key === 'ArrowDown';
        const rest = (down ? tiles.slice(i + 1) : tiles.slice(0, i).reverse()).map((tile) => ({ tile, box: tile.getBoundingClientRect() })).filter(({ box }) => (down ? box.top > from.top + 2 : box.top < from.top - 2));
        const row = rest[0]?.box.top;
        next = rest.filter(({ box }) => Math.abs(box.top - row) < 2).sort((a, b) => Math.abs(a.box.left - from.left) - Math.abs(b.box.left - from.left))[0]?.tile;
      }
      next?.focus();
    });
  }

  // Rows that are picked for one action together.
  function countPicked() {
    const boxes = all('[data-pick]');
    const picked = boxes.filter((box) => box.checked).length;
    for (const element of all('[data-picked]')) element.textContent = String(picked);
    const whole = $('[data-pick-all]');
    if (whole) {
      whole.checked = picked > 0 && picked === boxes.length;
      whole.indeterminate = picked > 0 && picked < boxes.length;
    }
  }
  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-pick-all]')) for (const box of all('[data-pick]')) box.checked = event.target.checked;
    if (event.target.matches('[data-pick-all], [data-pick]')) countPicked();
  });
  document.addEventListener('htmx:after:swap', countPicked);

  // Logs stay at their end unless the reader scrolled up.
  function follow(root) {
    for (const log of all('[data-follow]', root)) log.scrollTop = log.scrollHeight;
  }
  follow(document);
  let atEnd = true;
  document.addEventListener('htmx:before:swap', () => {
    const log = $('[data-follow]');
    atEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  });
  document.addEventListener('htmx:after:swap', () => {
    if (atEnd) follow(document);
    tick();
  });

  // A large chart opens where the actor stands.
  for (const chart of all('.chart')) {
    const lit = $('.leaf-on', chart)?.getBoundingClientRect();
    const box = chart.getBoundingClientRect();
    if (lit && (lit.bottom > box.bottom || lit.right > box.right)) chart.scrollTo(lit.left - box.left - 40, lit.top - box.top - 60);
  }

  // A talk opens at its end, and stays there while answers come, unless the reader scrolled up.
  let talking = '';
  let wasLow = true;
  document.addEventListener('htmx:before:swap', () => {
    const talk = $('.talk');
    wasLow = !talk || talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60;
  });
  function settleTalk() {
    const talk = $('.talk');
    const thread = talk?.closest('.thread').id ?? '';
    if (talk && (thread !== talking || wasLow)) talk.scrollTop = talk.scrollHeight;
    talking = thread;
  }
  settleTalk();
  document.addEventListener('htmx:after:swap', settleTalk);

  // Keys.
  const rows = () => all('main [data-row]').filter((row) => row.offsetParent !== null);
  let at = -1;
  function select(index) {
    const list = rows();
    if (list.length === 0) return;
    at = Math.max(0, Math.min(list.length - 1, index));
    for (const row of list) row.removeAttribute('aria-selected');
    list[at].setAttribute('aria-selected', 'true');
    list[at].scrollIntoView({ block: 'nearest' });
    const link = list[at].matches('a') ? list[at] : $('a[data-open]', list[at]);
    link?.focus({ preventScroll: true });
    if ($('#inbox') && link) link.click();
  }
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.matches('textarea')) {
      event.preventDefault();
      event.target.form?.requestSubmit();
      return;
    }
    if (event.key === 'Escape' && event.target.matches('input, textarea, select') && !event.target.closest('dialog')) return event.target.blur();
    if (event.target.matches('input, textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '?') return $('#keys')?.showModal();
    if ($('dialog[open]')) return;
    const current = rows().findIndex((row) => row.getAttribute('aria-current') === 'true' || row.contains(document.activeElement));
    if (event.key === 'j' || event.key === 'J') select((current >= 0 ? current : at) + 1);
    else if (event.key === 'k' || event.key === 'K') select((current >= 0 ? current : at) - 1);
    else if (event.key === 'r' || event.key === 'R') {
      const box = $('[data-reply]');
      if (box) {
        event.preventDefault();
        box.focus();
      }
    } else if (event.key === '/') {
      const search = $('[data-search]');
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });
})();
