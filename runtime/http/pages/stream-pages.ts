import { streamsPage, type StreamsModel } from '../../../views/streams.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';

/** What the server holds, for those who look after it. */
export const streamPages = (): Route[] => [
  page('get', '/streams', 'read', async (call) => {
    const x = context(call);
    const model = await call.d.streams().then(
      (r): StreamsModel => ({ streams: r.streams.map((s) => ({ ...s, about: x.word('stream-about', s.name) })), buckets: r.buckets, error: null }),
      (error: Error): StreamsModel => ({ streams: [], buckets: [], error: error.message }),
    );
    return showPage(call, x, { title: x.t('nav.streams'), topics: ['heartbeat', 'inbox', 'reply', 'notification'], main: streamsPage(x, model) });
  }),
];
