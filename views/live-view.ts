import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';

export type LiveViewModel = { of: 'agent' | 'login'; id: string; name: string; worker: string; base: string; mayControl: boolean };

const KEYS: readonly [string, string][] = [['Enter', '⏎'], ['Backspace', '⌫'], ['Tab', '⇥'], ['Escape', 'Esc'], ['ArrowUp', '↑'], ['ArrowDown', '↓']];

/** A window as it is now; whoever may can take it over, and then acts in it with mouse, keys and touch. */
export function liveView(x: Ctx, m: LiveViewModel): Html {
  return html`<div class="page-head"><h1>${m.name} <span class="muted">${x.t('live.head')}</span></h1><div class="toolbar"><a class="button plain" href=${m.of === 'agent' ? `/agents/${m.id}` : '/accounts'}>${x.t('live.back-to')}</a>${m.mayControl ? html`<button type="button" class="button main" data-live-take="">${x.t('live.take')}</button><button type="button" class="button" data-live-end="" hidden>${x.t('live.end')}</button>` : html`<span class="sub">${x.t('live.read-only')}</span>`}</div></div>
  <div class="live-view" data-live=${m.base} data-user=${x.user} data-free=${x.t('live.free')} data-mine=${x.t('live.mine')} data-theirs=${x.t('live.theirs')} data-task=${x.t('live.task')} data-gone=${x.t('live.gone')} data-ended=${x.t('live.ended')} data-waiting=${x.t('live.waiting')}>
    <div class="live-bar"><button type="button" class="button plain icon" data-live-go="back" disabled aria-label=${x.t('live.back')}>←</button><button type="button" class="button plain icon" data-live-go="forward" disabled aria-label=${x.t('live.forward')}>→</button><button type="button" class="button plain icon" data-live-go="reload" disabled aria-label=${x.t('live.reload')}>⟳</button>
      <form class="grow" data-live-address=""><input type="text" inputmode="url" name="url" readonly aria-label=${x.t('live.address')} autocomplete="off" spellcheck="false"></form></div>
    <div class="live-stage" tabindex="0" role="application" aria-label=${x.t('live.stage')}><img alt=${x.t('live.picture')} draggable="false" hidden><p class="live-wait"><i class="spin big" aria-hidden="true"></i> <span>${x.t('live.waiting')}</span></p></div>
    <p class="live-line" role="status" aria-live="polite"><span data-live-who="">${x.t('live.waiting')}</span> <span class="muted">${m.worker}</span></p>
    <form class="live-type" data-live-type="" hidden><input type="text" name="text" placeholder=${x.t('live.type')} aria-label=${x.t('live.type')} autocomplete="off" autocapitalize="off" spellcheck="false"><button class="button">${x.t('live.send')}</button>${KEYS.map(([key, sign]): Value => html`<button type="button" class="button plain icon" data-live-key=${key} aria-label=${key}>${sign}</button>`)}</form>
  </div>`;
}
