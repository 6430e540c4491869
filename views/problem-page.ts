import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { head } from './layout.ts';

/** A page for what went wrong: what it was, and the way on. */
export function problemPage(x: Ctx, model: { status: number; title: string; detail: string }): Html {
  return html`<html lang=${x.lang} data-theme=${x.theme} data-now=${x.now}>
  ${head(x, model.title)}
  <body class="door">
    <main><p class="big-number">${model.status}</p><h1>${model.title}</h1><p>${model.detail}</p><p><a class="button main" href="/">${x.t('problem.home')}</a></p></main>
  </body>
</html>`;
}
