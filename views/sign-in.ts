import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { head } from './layout.ts';

/** The door. `error` is one text for every reason, so that it tells nothing. */
export function signInPage(x: Ctx, model: { error: string | null; next: string; user: string }): Html {
  return html`<html lang=${x.lang} data-theme=${x.theme} data-now=${x.now}>
  ${head(x, x.t('sign-in.title'))}
  <body class="door">
    <main>
      <h1>Troupe</h1>
      <p class="muted">${x.t('sign-in.lead')}</p>
      ${model.error ? html`<p class="form-error" role="alert">${model.error}</p>` : null}
      <form method="post" action="/sign-in">
        <input type="hidden" name="next" value=${model.next}>
        <label class="field"><span>${x.t('sign-in.user')}</span><input name="user" value=${model.user} autocomplete="username" required autofocus></label>
        <label class="field"><span>${x.t('sign-in.password')}</span><input name="password" type="password" autocomplete="current-password" required></label>
        <button class="button main wide">${x.t('sign-in.go')}</button>
      </form>
      <p class="muted small">${x.t('sign-in.first')}</p>
    </main>
  </body>
</html>`;
}
