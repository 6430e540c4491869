/** The site's style sheet, served at /site.css. */
export const style = `
:root { color-scheme: light dark; --bg: #f6f4ef; --card: #fff; --ink: #23211d; --soft: #6d675c; --line: #e4dfd4; --brand: #c2410c; --brand-ink: #fff; }
@media (prefers-color-scheme: dark) { :root { --bg: #191816; --card: #24221f; --ink: #efece5; --soft: #a8a195; --line: #3a3732; --brand: #f97316; --brand-ink: #1b1207; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.55 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
a { color: inherit; }
.top { display: flex; justify-content: space-between; align-items: center; gap: 1rem; padding: .8rem 1.2rem; border-bottom: 1px solid var(--line); background: var(--card); }
.top nav { display: flex; gap: 1rem; align-items: center; font-size: .95rem; }
.top form { margin: 0; }
.brand { font-weight: 700; text-decoration: none; letter-spacing: -.02em; font-size: 1.15rem; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: var(--brand); margin-right: .4em; }
main { max-width: 44rem; margin: 1.5rem auto; padding: 0 1rem; display: grid; gap: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .4rem; letter-spacing: -.02em; }
h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
p { margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.card, .box { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.1rem 1.2rem; }
.center { text-align: center; }
.who { display: flex; gap: .6rem; align-items: center; color: var(--soft); font-size: .92rem; }
.who a { text-decoration: none; font-weight: 600; color: var(--ink); }
.avatar { display: inline-grid; place-items: center; width: 2.2rem; height: 2.2rem; border-radius: 50%; color: #fff; font-weight: 700; flex: none; background: hsl(var(--hue) 55% 45%); }
.soft, time { color: var(--soft); font-size: .88rem; }
.mine { border-left: 3px solid var(--brand); padding-left: .8rem; margin-left: .8rem; }
button, .button { font: inherit; border: 0; border-radius: 10px; padding: .55rem 1rem; background: var(--brand); color: var(--brand-ink); font-weight: 600; cursor: pointer; text-decoration: none; display: inline-block; }
button.plain { background: transparent; color: var(--ink); border: 1px solid var(--line); }
button.link { background: none; color: inherit; padding: 0; font-weight: 400; text-decoration: underline; }
button:focus-visible, a:focus-visible, input:focus-visible, textarea:focus-visible, select:focus-visible { outline: 3px solid color-mix(in srgb, var(--brand) 60%, transparent); outline-offset: 2px; }
input, textarea, select { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--line); border-radius: 10px; padding: .5rem .7rem; width: 100%; }
input[type=radio], input[type=range] { width: auto; }
textarea { min-height: 5rem; resize: vertical; }
form.stack { display: grid; gap: .7rem; }
.row { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; }
.card > form, .card > .row { margin-top: .7rem; }
.row > select, .row > input { width: auto; flex: 1 1 7rem; }
.qr-image, .code-picture { width: 240px; height: 240px; image-rendering: pixelated; border-radius: 12px; background: #fff; display: block; margin: 1rem auto; }
.phone { max-width: 26rem; margin: 0 auto; width: 100%; }
.phone .pick { display: flex; gap: .8rem; align-items: center; padding: .8rem; border: 2px solid var(--line); border-radius: 14px; cursor: pointer; }
.phone .pick:has(:checked) { border-color: var(--brand); }
.big { width: 100%; padding: 1.1rem; font-size: 1.25rem; border-radius: 16px; }
.sms { font-size: 2rem; letter-spacing: .25em; font-weight: 700; }
.track { position: relative; height: 2.6rem; border-radius: 10px; background: linear-gradient(90deg, #fbbf24, #34d399, #60a5fa); margin: .5rem 0; }
.mark { position: absolute; top: 0; bottom: 0; width: 4px; background: #111; }
.mark::after { content: attr(data-label); position: absolute; top: -1.5rem; left: -1rem; font-size: .85rem; color: var(--ink); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; padding: .35rem .5rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
`;

/** Keeps the login panel true while a phone looks at the code. Served at /site.js. */
export const script = `
const panel = () => document.querySelector('[data-login]');
let busy = false;
setInterval(async () => {
  if (busy || !panel()) return;
  busy = true;
  try {
    const answer = await fetch('/login/panel', { cache: 'no-store' });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-login]');
    if (!next) return;
    if (next.dataset.login === 'done') { location.href = '/login/finish'; return; }
    if (next.dataset.version !== panel().dataset.version) panel().replaceWith(next);
  } catch {} finally { busy = false; }
}, 500);
`;
