import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Assets } from '../../views/context.ts';
import { packageRoot } from '../package-root.ts';

export type Asset = { path: string; type: string; body: Uint8Array };

/** Everything that a page loads, by its address. The address carries a hash, so it may be kept for ever. */
export function loadAssets(): { urls: Assets; files: Map<string, Asset> } {
  const own = join(packageRoot(), 'views', 'static');
  const htmx = dirname(createRequire(import.meta.url).resolve('htmx.org/dist/htmx.min.js'));
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css'));
  const files = new Map<string, Asset>();
  const add = (file: string, name: string, type: string): string => {
    const body = readFileSync(file);
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
    const path = `${name.replace(/\.(\w+)$/, `.${hash}.$1`)}`;
    files.set(path, { path, type, body });
    return `/static/${path}`;
  };
  const script = 'text/javascript; charset=utf-8';
  const urls = {
    css: add(join(own, 'app.css'), 'app.css', 'text/css; charset=utf-8'),
    app: add(join(own, 'app.js'), 'app.js', script),
    htmx: add(join(htmx, 'htmx.min.js'), 'htmx.js', script),
    sse: add(join(htmx, 'ext', 'hx-sse.min.js'), 'hx-sse.js', script),
    plot: add(join(uplot, 'uPlot.iife.min.js'), 'uplot.js', script),
    plotCss: add(join(uplot, 'uPlot.min.css'), 'uplot.css', 'text/css; charset=utf-8'),
    live: add(join(own, 'live-view.js'), 'live-view.js', script),
    notices: add(join(own, 'notices.js'), 'notices.js', script),
    talks: add(join(own, 'talks.js'), 'talks.js', script),
    plots: add(join(own, 'plots.js'), 'plots.js', script),
  };
  files.set('icon.svg', { path: 'icon.svg', type: 'image/svg+xml', body: readFileSync(join(own, 'icon.svg')) });
  return { urls, files };
}
