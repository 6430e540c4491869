import { BUCKET, OBJECTS, PREFIX, STREAM } from '../../transport/subjects.ts';
import type { NatsRole } from '../secrets.ts';

/** What a NATS user may say and hear. */
export type Permissions = {
  publish: { allow: string[]; deny?: string[] };
  subscribe: { allow: string[]; deny?: string[] };
  /** May answer what it is asked: this many messages a request, for this long. */
  responses?: { max: number; expires: string };
};

const api = (verb: string) => `$JS.API.${verb}`;
const reads = [
  api('INFO'), api('STREAM.NAMES'), api('STREAM.LIST'), api('STREAM.INFO.*'), api('STREAM.MSG.GET.*'), api('DIRECT.GET.>'),
  api('CONSUMER.NAMES.*'), api('CONSUMER.LIST.*'), api('CONSUMER.INFO.*.*'),
  api('CONSUMER.CREATE.>'), api('CONSUMER.DELETE.*.*'), api('CONSUMER.MSG.NEXT.*.*'), '$JS.FC.>',
];
// Taking messages from the inbox, or moving the masters' consumers there, would lose events.
const inboxConsumers = [
  `CREATE.${STREAM.inbox}`, `CREATE.${STREAM.inbox}.>`, `DURABLE.CREATE.${STREAM.inbox}.*`, `DELETE.${STREAM.inbox}.*`,
  `MSG.NEXT.${STREAM.inbox}.*`, `PAUSE.${STREAM.inbox}.*`, `UNPIN.${STREAM.inbox}.*`,
].map((verb) => api(`CONSUMER.${verb}`));
const destroy = (stream: string) => [api(`STREAM.DELETE.${stream}`), api(`STREAM.PURGE.${stream}`), api(`STREAM.MSG.DELETE.${stream}`), api(`STREAM.RESTORE.${stream}`)];

const bucket = (name: string) => `$KV.${name}.>`;
const objects = (name: string) => `$O.${name}.>`;

// Plain sessions and login codes pass here, from one worker to the master; and a worker's environment, from the master to an agent; and what a person types into a window and sees there.
const secretTalk = [`${PREFIX}.window.*`, `${PREFIX}.cast.>`, ...['vault-put', 'picture'].map((verb) => `${PREFIX}.ask.*.${verb}`), `${PREFIX}.agent.*.start`];

/** The least that each role needs. The journal can't be deleted or purged by any of them. */
export function rolePermissions(role: NatsRole): Permissions {
  if (role === 'master') {
    return {
      publish: { allow: ['>'], deny: destroy(STREAM.journal) },
      subscribe: { allow: [`${PREFIX}.>`, '$JS.EVENT.>', '$SRV.>', '$KV.>', '$O.>', '_INBOX.>', '_INBOX_master.>'] },
    };
  }
  if (role === 'web') {
    return {
      publish: {
        allow: [
          `${PREFIX}.in.>`, `${PREFIX}.cmd.>`, `${PREFIX}.window.*`, `${PREFIX}.data.*.read`, `${PREFIX}.note.audit.web`, '$SRV.>', ...reads,
          ...[BUCKET.settings, BUCKET.users, BUCKET.sessions, BUCKET.tokens, BUCKET.pictures, BUCKET.desk].map(bucket),
          objects(BUCKET.pictures),
        ],
        deny: inboxConsumers,
      },
      subscribe: {
        allow: ['hb', 'mhb', 'log', 'tasklog', 'cast', 'emit', 'journal', 'parked', 'data', 'note'].map((s) => `${PREFIX}.${s}.>`).concat('_INBOX_web.>'),
      },
    };
  }
  return {
    publish: {
      allow: [`${PREFIX}.in.>`, `${PREFIX}.cmd.>`, '$SRV.>', '$JS.API.>', '$JS.ACK.>', '$JS.FC.>'],
      deny: [...destroy(STREAM.journal), api(`STREAM.UPDATE.${STREAM.journal}`), ...inboxConsumers],
    },
    subscribe: { allow: [`${PREFIX}.>`, '$JS.EVENT.>', '$SRV.>', '_INBOX.>'], deny: secretTalk },
  };
}

/** One worker: its own effects in, its own words out, and nothing of JetStream but publishing. */
export function workerPermissions(id: string): Permissions {
  return {
    publish: { allow: [`${PREFIX}.ask.${id}.>`, `${PREFIX}.hb.${id}`, `${PREFIX}.in.*.*.*.${id}`, `${PREFIX}.log.${id}.>`, `${PREFIX}.tasklog.*.${id}`, `${PREFIX}.cast.${id}.*`, objects(OBJECTS.results)] },
    subscribe: { allow: [`${PREFIX}.fx.${id}`, `${PREFIX}.window.${id}`, `_INBOX_${id}.>`] },
    responses: { max: 1, expires: '1m' },
  };
}

/** Whoever holds the pre-shared key may ask for a user of its machine's own, and nothing else. */
export function joinPermissions(): Permissions {
  return { publish: { allow: [`${PREFIX}.join.*`] }, subscribe: { allow: ['_INBOX_join.>'] } };
}

/** One machine's agent: what is asked of it in, its heartbeats out. */
export function agentPermissions(machine: string): Permissions {
  return {
    publish: { allow: [`${PREFIX}.mhb.${machine}`] },
    subscribe: { allow: [`${PREFIX}.agent.${machine}.*`, `_INBOX_agent-${machine}.>`] },
    responses: { max: 1, expires: '1m' },
  };
}
