import { html } from 'hono/html';
import { avatar, type Html } from './layout.ts';
import type { LoginRow, User } from './store.ts';

/** One function draws every state of a login. `picture` is the code as a data URL. */
export function loginPanel(login: LoginRow, picture: string, url: string, markup: 'v1' | 'v2'): Html {
  const version = `${login.code}:${login.state}:${login.tries}`;
  return html`<section class="${markup === 'v1' ? 'card' : 'box'} center" data-login="${login.state === 'used' ? 'done' : login.state}" data-version="${version}" data-expires="${login.expires}">
    ${panelBody(login, picture, url, markup)}
  </section>`;
}

function panelBody(login: LoginRow, picture: string, url: string, markup: 'v1' | 'v2'): Html {
  switch (login.state) {
    case 'qr':
      return html`<h1>Scan to log in</h1><p class="soft">Open the link in this code with your phone, pick who you are, confirm.</p>
        ${markup === 'v1' ? html`<img class="qr-image" alt="Login code" src="${picture}">` : html`<figure><img class="code-picture" alt="Code to scan" src="${picture}"></figure>`}
        <p class="soft">A fresh code comes every minute. No phone at hand? <a class="phone-link" href="${url}">Open the phone page here</a>.</p>`;
    case 'scanned':
      return html`<h1>Scanned</h1><p class="scan-note">Now confirm on the phone.</p>`;
    case 'challenge':
      return login.challenge === 'slider' ? slider(login) : sms(login);
    case 'failed':
      return html`<h1>That did not work</h1><p class="login-error">Too many wrong answers. Load this page again for a new code.</p>`;
    case 'done':
    case 'used':
      return html`<h1>Welcome</h1><p>One moment.</p>`;
  }
}

const miss = (login: LoginRow): Html | '' => (login.tries ? html`<p class="login-error">Not right yet: ${3 - login.tries} tries left.</p>` : '');

const slider = (login: LoginRow): Html => html`<h1>Are you a person?</h1>
  <p class="challenge" data-challenge="slider">Slide to the black mark and let go: it stands at ${login.secret} of 100.</p>
  ${miss(login)}
  <div class="track"><span class="mark" style="left:${login.secret}%" data-label="${login.secret}"></span></div>
  <form class="stack challenge-form" method="post" action="/login/challenge"><input type="range" name="answer" min="0" max="100" value="0" aria-label="Slide to the mark"><button>Done</button></form>`;

const sms = (login: LoginRow): Html => html`<h1>A code was sent to your phone</h1>
  <p class="challenge" data-challenge="sms">Type the six digits that the phone page shows.</p>
  ${miss(login)}
  <form class="stack challenge-form" method="post" action="/login/challenge"><input name="answer" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required aria-label="Code"><button>Continue</button></form>`;

/** The phone's side: pick a person, one big button. */
export const phonePage = (code: string, users: User[]): Html => html`<section class="phone card">
  <h1>Log in on the other screen?</h1>
  <p class="soft">Only confirm a code that you scanned yourself.</p>
  <form class="stack" method="post" action="/phone">
    <input type="hidden" name="code" value="${code}">
    ${users.map((user, i) => html`<label class="pick"><input type="radio" name="user" value="${user.id}" ${i === 0 ? 'checked' : ''}>${avatar(user.name, user.hue)}<span><b>${user.name}</b><br><span class="soft">${user.bio}</span></span></label>`)}
    <button class="big">Confirm login</button>
  </form>
</section>`;

export const phoneDone = (login: LoginRow): Html => html`<section class="phone card center">
  <h1>Confirmed</h1>
  ${login.challenge === 'sms' ? html`<p>Your code for the other screen:</p><p class="sms">${login.secret}</p>` : html`<p>You can put the phone away.</p>`}
</section>`;
