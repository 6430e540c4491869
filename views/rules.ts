import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, check, chip, choice, dialog, empty, field, menu, opener, region, tag } from './parts.ts';
import { talkTabs } from './talk-tabs.ts';

export type RuleLine = { id: string; name: string; status: string; order: number; match: { words: string[]; all: boolean } | { pattern: string }; accounts: string[]; platforms: string[]; types: string[]; answer: string; canned: string | null; gone: boolean; perHour: number; perPersonHours: number; stop: boolean; approve: boolean; matched: number; answered: number; lastMs: number | null };
export type RuleTried = { text: string; hits: { id: string; name: string; status: string; matched: string; answer: string; stops: boolean }[] };
export type RuleLogLine = { id: number; ruleId: string; ruleName: string; atMs: number; accountName: string; name: string; text: string; answer: string | null; outcome: string; reply: string | null; conversation: string };

/** What answers by itself: the rules in their order, a box to try them, and what they did. */
export function rulesPage(x: Ctx, m: { rules: RuleLine[]; mayAct: boolean; log: RuleLogLine[] }): Html {
  const add = m.mayAct ? opener('/rules/new', x.t('rules.new'), 'main') : null;
  return html`<div class="page-head"><h1>${x.t('nav.rules')}</h1>${talkTabs(x, '/rules')}<div class="toolbar">${add}</div></div>
    ${m.rules.length === 0 ? null : html`<section class="card rule-try"><h2>${x.t('rules.try')}</h2><form class="row" hx-post="/rules/try" hx-target="#tried" hx-swap="innerHTML" role="search"><label class="grow"><span class="hidden">${x.t('rules.try-text')}</span><input name="text" placeholder=${x.t('rules.try-text')} maxlength="2000" required autocomplete="off"></label><button class="button">${x.t('rules.try-go')}</button></form><div id="tried" aria-live="polite"></div></section>`}
    ${region(x, 'rules', ['rule'], m.rules.length === 0 ? empty(x.t('rules.none'), x.t('rules.none-next'), add) : [html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('rules.order')}</th><th>${x.t('rules.name')}</th><th>${x.t('rules.match')}</th><th>${x.t('rules.answer')}</th><th>${x.t('state')}</th><th class="end">${x.t('actions')}</th></tr></thead><tbody>${m.rules.map((r) => row(x, r, m.mayAct))}</tbody></table></div>`, html`<h2 class="group">${x.t('rules.log')}</h2>`, log(x, m.log, true)])}`;
}

function row(x: Ctx, r: RuleLine, mayAct: boolean): Html {
  return html`<tr id=${`rule-${r.id}`} data-row=""><td data-label=${x.t('rules.order')}>${r.order}</td><td data-label=${x.t('rules.name')}><a href=${`/rules/${r.id}`} data-open=""><b>${r.name}</b></a><div class="chips">${r.types.map((t) => chip(x.word('type', t), 'note'))}${r.platforms.map((p) => chip(x.word('platform', p)))}${r.accounts.map((a) => chip(a))}</div></td>
    <td data-label=${x.t('rules.match')}>${match(x, r)}</td><td data-label=${x.t('rules.answer')}><div class="text-2">${r.answer}</div>${r.gone ? html`<div class="sub bad-text">${x.t('rules.canned-gone')}</div>` : null}</td>
    <td data-label=${x.t('state')}>${tag(x, r.status, 'rule')}<div class="sub">${x.t('rules.counts', { matched: r.matched, answered: r.answered })}</div></td><td class="end actions" data-label=${x.t('actions')}>${mayAct ? actions(x, r) : null}</td></tr>`;
}

const match = (x: Ctx, r: RuleLine): Value => ('pattern' in r.match ? html`<code>${r.match.pattern}</code>` : html`<span class="chips">${r.match.words.map((w) => chip(w))}</span>${r.match.all ? html`<div class="sub">${x.t('rules.match-all')}</div>` : null}`);

const actions = (x: Ctx, r: RuleLine): Html => html`${
  r.status === 'live' ? button({ url: `/rules/${r.id}/dry-run`, label: x.t('rules.go-dry') }) : button({ url: `/rules/${r.id}/live`, label: x.t('rules.go-live'), tone: 'main', confirm: x.t('rules.go-live-sure', { name: r.name }) })} ${menu(x, `menu-${r.id}`, [
    r.status === 'off' ? button({ url: `/rules/${r.id}/dry-run`, label: x.t('rules.go-dry') }) : button({ url: `/rules/${r.id}/off`, label: x.t('rules.go-off') }),
    opener(`/rules/${r.id}/edit`, x.t('canned.edit-button')),
    button({ url: `/rules/${r.id}/remove`, label: x.t('rules.remove'), tone: 'danger', confirm: x.t('rules.remove-sure', { name: r.name }) }),
  ])}`;

export function rulePage(x: Ctx, m: { rule: RuleLine; log: RuleLogLine[]; older: string | null; mayAct: boolean }): Html {
  const r = m.rule;
  return html`<div class="page-head"><h1>${r.name}</h1>${tag(x, r.status, 'rule')}<div class="toolbar"><a class="button plain" href="/rules">${x.t('rules.back')}</a>${m.mayAct ? actions(x, r) : null}</div></div>
    ${region(x, 'rule', ['rule'], html`<section class="card"><dl class="facts"><dt>${x.t('rules.match')}</dt><dd>${match(x, r)}</dd><dt>${x.t('rules.answer')}</dt><dd class="canned-text">${r.answer}</dd><dt>${x.t('rules.per-hour')}</dt><dd>${r.perHour}</dd><dt>${x.t('rules.per-person')}</dt><dd>${r.perPersonHours}</dd></dl><p class="sub">${x.t('rules.counts', { matched: r.matched, answered: r.answered })} · ${x.t('rules.quiet-hint')}</p></section>
    <h2 class="group">${x.t('rules.log')}</h2>${log(x, m.log, false)}${m.older ? html`<nav class="pager"><a class="button plain" href=${m.older}>${x.t('inbox.older')}</a></nav>` : null}`)}`;
}

function log(x: Ctx, lines: RuleLogLine[], named: boolean): Html {
  if (lines.length === 0) return empty(x.t('rules.log-none'), x.t('rules.log-none-next'));
  return html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('rules.when')}</th>${named ? html`<th>${x.t('rules.name')}</th>` : null}<th>${x.t('rules.item')}</th><th>${x.t('rules.outcome')}</th></tr></thead><tbody>${lines.map((l) => html`<tr id=${`log-${l.id}`}><td data-label=${x.t('rules.when')}>${ago(x, l.atMs)}</td>${named ? html`<td data-label=${x.t('rules.name')}><a href=${`/rules/${l.ruleId}`}>${l.ruleName}</a></td>` : null}<td data-label=${x.t('rules.item')}><a href=${`/inbox?state=all&c=${l.conversation}`}><b>${l.name}</b></a> ${chip(l.accountName)}<div class="text-2">${l.text}</div></td><td data-label=${x.t('rules.outcome')}>${tag(x, l.outcome, 'outcome')}${l.answer ? html`<div class="sub text-2">${l.reply ? html`<a href=${`/actors/reply/${l.reply}`}>${l.answer}</a>` : l.answer}</div>` : null}</td></tr>`)}</tbody></table></div>`;
}

/** Which rules fit a text, in their order, and what each would say. */
export const triedRules = (x: Ctx, m: RuleTried): Html =>
  m.hits.length === 0
    ? html`<p class="sub">${x.t('rules.try-none')}</p>`
    : html`<div class="rule-tried">${m.hits.map((h) => html`<article class="card"><p><a href=${`/rules/${h.id}`}><b>${h.name}</b></a> ${tag(x, h.status, 'rule')} <span class="sub">${x.t('rules.try-matched', { what: h.matched })}</span></p><p class="sub">${h.status === 'live' ? x.t('rules.try-would') : x.t('rules.try-dry')}</p><blockquote>${h.answer}</blockquote>${h.stops ? html`<p class="sub">${x.t('rules.try-stops')}</p>` : null}</article>`)}<p class="sub">${x.t('rules.try-off')}</p></div>`;

export type RuleFormModel = { id: string | null; name: string; order: number; how: 'any' | 'all' | 'pattern'; words: string; pattern: string; types: string[]; accounts: string; platforms: string; canned: string; text: string; perHour: number; perPersonHours: number; maxAgeHours: number; stop: boolean; approve: boolean; answers: { id: string; title: string }[]; longestPattern: number; variables: readonly string[] };

export const ruleDialog = (x: Ctx, m: RuleFormModel): Html => dialog(x, x.t(m.id ? 'rules.edit' : 'rules.new'), html`<form class="rule-form" hx-post=${m.id ? `/rules/${m.id}` : '/rules'} hx-swap="none" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    <div class="grid">${field({ name: 'name', label: x.t('rules.name'), value: m.name, required: true })}${field({ name: 'order', label: x.t('rules.order'), value: m.order, type: 'number', min: 0, max: 9999, hint: x.t('rules.order-hint') })}</div>
    <fieldset><legend>${x.t('rules.match')}</legend>${choice('how', x.t('rules.match'), m.how, [['any', x.t('rules.match-any')], ['all', x.t('rules.match-all')], ['pattern', x.t('rules.match-pattern')]])}
      <label class="field by-words"><span>${x.t('rules.words')}</span><textarea name="words" rows="3">${m.words}</textarea><small>${x.t('rules.words-hint')}</small></label>
      <div class="by-pattern">${field({ name: 'pattern', label: x.t('rules.pattern'), value: m.pattern, hint: x.t('rules.pattern-hint', { n: m.longestPattern }) })}</div></fieldset>
    <fieldset><legend>${x.t('rules.answer')}</legend>${choice('canned', x.t('rules.answer-canned'), m.canned, [['', x.t('rules.answer-own')], ...m.answers.map((a): [string, string] => [a.id, a.title])])}
      <label class="field own-words"><span>${x.t('rules.answer-text')}</span><textarea name="text" rows="3" maxlength="2000">${m.text}</textarea><small>${x.t('canned.text-hint', { vars: m.variables.map((v) => `{{${v}}}`).join(' ') })}</small></label></fieldset>
    <fieldset><legend>${x.t('rules.where')}</legend><div class="row">${check('comment', x.word('type', 'comment'), m.types.includes('comment'))}${check('message', x.word('type', 'message'), m.types.includes('message'))}</div>
      <div class="grid">${field({ name: 'accounts', label: x.t('rules.accounts'), value: m.accounts, hint: x.t('rules.accounts-hint') })}${field({ name: 'platforms', label: x.t('rules.platforms'), value: m.platforms, hint: x.t('rules.platforms-hint') })}</div></fieldset>
    <fieldset><legend>${x.t('rules.limits')}</legend><div class="grid three">${field({ name: 'per_hour', label: x.t('rules.per-hour'), value: m.perHour, type: 'number', min: 1, max: 200 })}${field({ name: 'per_person', label: x.t('rules.per-person'), value: m.perPersonHours, type: 'number', min: 0, max: 720, hint: x.t('rules.per-person-hint') })}${field({ name: 'max_age', label: x.t('rules.max-age'), value: m.maxAgeHours, type: 'number', min: 1, max: 720 })}</div>
      ${check('stop', x.t('rules.stop'), m.stop)}${check('approve', x.t('rules.approve'), m.approve)}<p class="sub">${x.t('rules.quiet-hint')}</p></fieldset>
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');
