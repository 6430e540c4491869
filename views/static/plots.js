// Curves of one worker or of all work, drawn with uPlot, fetched anew every ten seconds.
(() => {
  'use strict';
  const box = document.querySelector('[data-plots]');
  if (!box) return;
  const figures = [...box.querySelectorAll('[data-plot]')];
  const lang = document.documentElement.lang || 'en';
  const SECONDS = { '1h': 3600, '24h': 86_400, '30d': 30 * 86_400 };
  const STEP = { '10s': 10, '1m': 60, '10m': 600 };
  let period = '1h';
  let answer = null;
  const plots = new Map();

  const ink = (figure, name) => getComputedStyle(figure.querySelector(`.ink-${name}`)).color;
  const soft = (colour) => colour.replace(/^rgb\((.*)\)$/, 'rgba($1, .16)');
  const number = (n, unit) => (n == null ? '—' : `${new Intl.NumberFormat(lang, { maximumFractionDigits: n < 10 ? 1 : 0 }).format(n)}${unit}`);
  const moment = (s) => new Intl.DateTimeFormat(lang, period === '30d' ? { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' } : { hour: '2-digit', minute: '2-digit', second: period === '1h' ? '2-digit' : undefined }).format(s * 1000);

  /** Times and values; where nothing was heard for a while, the line breaks. */
  function columns(points, step) {
    const at = [];
    const values = [];
    for (const { timestamp, value } of points) {
      if (at.length > 0 && timestamp - at.at(-1) > 3 * step) {
        at.push(at.at(-1) + step);
        values.push(null);
      }
      if (at.length > 0 && timestamp <= at.at(-1)) continue;
      at.push(timestamp);
      values.push(value);
    }
    return [at, values];
  }

  function draw(figure) {
    plots.get(figure)?.destroy();
    plots.delete(figure);
    const { plot: name, unit, limit } = figure.dataset;
    const [at, values] = columns(answer.series[name] ?? [], answer.every ?? STEP[answer.step]);
    const canvas = figure.querySelector('.plot-canvas');
    const shown = figure.querySelector('[data-value]');
    const most = limit ? answer.limits[limit] : null;
    const say = (i) => {
      const j = i ?? values.findLastIndex((v) => v !== null);
      shown.textContent = j < 0 ? '' : `${number(values[j], unit)}${most ? ` / ${number(most, unit)}` : ''}${i == null ? '' : ` · ${moment(at[j])}`}`;
    };
    figure.classList.toggle('plot-none', at.length === 0);
    say(null);
    if (at.length === 0) return;
    const now = Date.now() / 1000;
    const line = ink(figure, 'line');
    const axis = { stroke: ink(figure, 'muted'), font: '11px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 4 };
    const data = [at, values];
    const series = [{}, { stroke: ink(figure, 'curve'), fill: soft(ink(figure, 'curve')), width: 1.6, points: { show: at.length < 3 }, spanGaps: false }];
    if (most) {
      data.push(at.map(() => most));
      series.push({ stroke: ink(figure, 'limit'), width: 1.2, dash: [5, 4], points: { show: false } });
    }
    const top = Math.max(...values.filter((v) => v !== null), 0);
    // A limit far above the curve would press it flat: it is drawn where it matters.
    const high = most && top > most / 3 ? Math.max(top, most) : top;
    plots.set(figure, new uPlot({
      width: canvas.clientWidth, height: 150, legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { min: now - SECONDS[period], max: now, range: [now - SECONDS[period], now] }, y: { range: [0, Math.max(high * 1.12, unit === '%' ? 10 : 1)] } },
      padding: [8, 18, 0, 0], axes: [{ ...axis, space: 70, size: 24, values: (_, ticks) => ticks.map((t) => new Intl.DateTimeFormat(lang, period === '30d' ? { month: 'numeric', day: 'numeric' } : { hour: '2-digit', minute: '2-digit', hour12: false }).format(t * 1000)) }, { ...axis, size: 54, values: (_, ticks) => ticks.map((t) => number(t, '')) }],
      series, hooks: { setCursor: [(u) => say(u.cursor.idx)] },
    }, data, canvas));
  }

  async function load() {
    try {
      const response = await fetch(`${box.dataset.plots}?period=${period}`, { headers: { accept: 'application/json' } });
      if (!response.ok) return;
      answer = await response.json();
      figures.forEach(draw);
    } catch {
      // The page says elsewhere that the server is away; the curves stay as they are.
    }
  }
  box.addEventListener('click', (event) => {
    const pick = event.target.closest('[data-period]');
    if (!pick) return;
    period = pick.dataset.period;
    for (const each of box.querySelectorAll('[data-period]')) each.setAttribute('aria-pressed', String(each === pick));
    void load();
  });
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    for (const [figure, plot] of plots) plot.setSize({ width: figure.querySelector('.plot-canvas').clientWidth, height: 150 });
  }).observe(box);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => answer && figures.forEach(draw));
  setInterval(() => !document.hidden && void load(), 10_000);
  void load();
})();
