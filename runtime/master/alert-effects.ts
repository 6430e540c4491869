import type { Announcement } from '../../machines/alert.ts';
import type { SinkConfig, SinkMessage } from '../../machines/sink.ts';
import { NotDelivered, postAlert } from '../alerts/post.ts';
import { listSinks } from '../read-model/queries/alerts.ts';
import type { Db } from '../read-model/store.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';
import { ownerOf, type Vault } from './vault.ts';

const RANK = ['info', 'warning', 'critical'];

/** Hands what an alert says to every sink; and a sink's message to the outside. */
export function alertEffects({ db, engine, vault }: { db: Db; engine(): Engine; vault(): Vault | null }): Record<'announce' | 'post' | 'forgetSink', MasterEffect> {
  const opened = async (reference: string | null): Promise<string | null> => {
    if (reference === null) return null;
    const value = await vault()?.open(reference);
    if (value == null) throw new EffectFailed('refused', 'its sealed secret is gone: give it again');
    return value;
  };
  return {
    async announce(message: Announcement) {
      for (const sink of listSinks(db)) {
        if (!sink.enabled || sink.status === 'removing' || RANK.indexOf(message.severity) < RANK.indexOf(sink.config.least)) continue;
        await engine().send({ kind: 'sink', id: sink.id }, { type: 'SEND', message }, `announce:${message.id}:${sink.id}`, 'alert');
      }
      return null;
    },
    async post({ config, message }: { config: SinkConfig; message: SinkMessage }) {
      try {
        await postAlert(config, message, { secret: await opened(config.secret), password: await opened(config.password) });
      } catch (error) {
        throw error instanceof NotDelivered ? new EffectFailed(error.kind, error.message) : error;
      }
      return null;
    },
    async forgetSink({ id }: { id: string }) {
      await vault()?.forget(ownerOf({ kind: 'sink', id }));
      return null;
    },
  };
}
