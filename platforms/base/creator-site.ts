import { PlatformFault, type Flow, type Io, type Platform, type PlatformConfig } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { checkSession } from './check-session.ts';
import { readComments } from './creator-comments.ts';
import type { CreatorConfig } from './creator-config.ts';
import { flowList, startFlow } from './creator-flows.ts';
import { creatorLogin } from './creator-login.ts';
import { readMessages } from './creator-messages.ts';
import { findReply, prepareReply } from './creator-reply.ts';
import { visit } from './visit.ts';

/**
 * A creator centre: what its pages fetch as JSON is read on the way by the `answers` of config.json, and where that is not heard the pages
 * themselves by the selectors. What can't be proven is said: `verifyReliable` is false.
 */
export function creatorSite(raw: PlatformConfig, flows: readonly Flow[], can: Omit<Platform['can'], 'verifyReliable'>): Platform {
  const config: CreatorConfig = { answers: {}, ...raw } as CreatorConfig;
  const guarded = <T>(doing: string, work: () => Promise<T>): Promise<T> => work().catch((error: unknown) => { throw asFault(error, doing); });
  return {
    id: config.platform,
    label: config.label,
    flows: flowList(flows),
    can: { ...can, verifyReliable: false },
    login: (flow, io, answer) => startFlow(flow, flows, io, creatorLogin(config), answer),
    check: (io) => guarded('checking the session', () => checkSession(io, config)),
    comments: (cursor, io) => guarded('reading comments', () => readComments(config, cursor, io)),
    messages: (cursor, io) => guarded('reading messages', async () => {
      if (!can.messages) throw new PlatformFault('refused', `${config.label} shows no private messages on the web`);
      return readMessages(config, cursor, io).catch((error: unknown) => {
        // A message centre on a host of its own has a login of its own: that it is not open says nothing of the account's session.
        if (!(error instanceof PlatformFault && error.kind === 'logged-out' && apart(config))) throw error;
        io.log('warn', `the message centre of ${config.label} is not open to this account: log in there in the live view, or do without private messages`);
        return { items: [], cursor };
      });
    }),
    prepare: (to, text, io) => guarded('preparing the reply', () => prepareReply(config, can.maxLength, to, text, io)),
    find: (to, text, since, io) => guarded('looking for the reply', () => findReply(config, to, text, since, io)),
    tour: (io) => tour(config, io),
  };
}

const hostOf = (url: string | undefined): string => (url && URL.canParse(url) ? new URL(url).host : '');
const apart = (config: CreatorConfig): boolean => hostOf(config.urls['messages']) !== hostOf(config.urls['home']);

async function* tour(config: CreatorConfig, io: Io): AsyncGenerator<string, void, void> {
  for (const name of ['home', 'comments', 'messages']) {
    if (!config.urls[name]) continue;
    await visit(io, config, config.urls[name]);
    yield name;
  }
}
