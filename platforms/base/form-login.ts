import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright';
import { PlatformFault, type Asked, type Io, type Step } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { locate, present, timeoutOf } from './locate.ts';
import { watchLogin, type QrSite } from './qr-login.ts';

const TRIES = 3;
type Answer = (txn: string) => Promise<string>;
type Entry = { what: Asked; field: string; /** Pressed when the field is filled in. */ then?: string };

/** What each form asks for, by the names in config.json's selectors. */
const FORMS: Record<'password' | 'sms', { tab: string; entries: Entry[] }> = {
  password: { tab: 'passwordTab', entries: [{ what: 'account', field: 'loginUser' }, { what: 'password', field: 'loginPassword', then: 'loginSubmit' }] },
  sms: { tab: 'smsTab', entries: [{ what: 'phone', field: 'phoneInput', then: 'phoneSend' }, { what: 'sms', field: 'phoneCode', then: 'phoneSubmit' }] },
};

/** Selectors without which a flow can't work. */
export const formSelectors = (flow: 'password' | 'sms'): string[] => FORMS[flow].entries.flatMap((e) => [e.field, ...(e.then ? [e.then] : [])]);

/** Fills in a login form with what a person answers, asks anew with the site's own words when it is refused, and follows what comes then. */
export async function* formLogin(io: Io, site: QrSite, flow: 'password' | 'sms', answer: Answer): AsyncGenerator<Step, void, void> {
  const { config } = site;
  const shown = (page: Page, name: string) => (config.selectors[name] ? present(page, config, name) : Promise.resolve(null));
  const form = FORMS[flow];
  const elementMs = timeoutOf(config, 'element', 10_000);
  const refusal = async (page: Page): Promise<string> => ((await (await shown(page, 'loginError'))?.textContent()) ?? '').trim().slice(0, 200);
  const quiet: QrSite = {
    ...site,
    missing: `${config.label} shows neither the account nor an error after the login form was sent: see selectors.userProfile and selectors.loginError in config.json`,
    async look(page) {
      const sight = await site.look(page);
      if (sight.is === 'in' || sight.is === 'challenge') return sight;
      const reason = await refusal(page);
      return reason ? { is: 'failed', reason } : { is: 'nothing' };
    },
  };
  let said = '';
  try {
    for (let tried = 1; ; tried++) {
      const page = await io.page();
      site.begin?.(page);
      await page.goto(config.urls.login ?? '', { waitUntil: 'domcontentloaded', timeout: timeoutOf(config, 'navigation', 30_000) });
      if (config.selectors[form.tab]) await (await locate(page, config, form.tab, elementMs)).click();
      const first = form.entries[0]!;
      await locate(page, config, first.field, elementMs);
      for (const { what, field, then } of form.entries) {
        yield* reach(page, field);
        const box = await locate(page, config, field, elementMs);
        const label = (await box.getAttribute('placeholder')) ?? (await box.getAttribute('aria-label')) ?? '';
        const txn = randomUUID();
        yield { kind: 'challenge', id: `enter-${what}`, txn, what, prompt: [said, label.trim()].filter(Boolean).join(' · ').slice(0, 300), image: null };
        said = '';
        const value = await answer(txn);
        await box.fill(what === 'password' ? value : value.trim());
        if (then) await (await locate(page, config, then, elementMs)).click();
      }
      try {
        return yield* watchLogin(io, page, quiet, answer);
      } catch (error) {
        if (!(error instanceof PlatformFault && error.kind === 'refused') || tried >= TRIES) throw error;
        said = error.message;
      }
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw asFault(error, `logging in to ${config.label}`);
  }

  /** Waits for a field. A slider that comes before it is moved by hand in the live view; nothing goes on until it is gone. */
  async function* reach(page: Page, field: string): AsyncGenerator<Step, void, void> {
    let until = performance.now() + elementMs;
    for (let asked = false; performance.now() < until && !(await present(page, config, field)); ) {
      if (!asked && (await shown(page, 'slider'))) {
        asked = true;
        until = performance.now() + timeoutOf(config, 'loginCheck', 300_000);
        yield { kind: 'challenge', id: 'challenge-confirm', txn: randomUUID(), what: 'confirm', prompt: '请在实时画面中完成滑块验证', image: await page.screenshot() };
      }
      await sleep(150, undefined, { signal: io.signal });
    }
  }
}
