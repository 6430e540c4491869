import { createHash } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import { machineHeartbeat, type MachineFacts } from '../../transport/protocol.ts';
import { PREFIX } from '../../transport/subjects.ts';
import type { HostKeys } from '../drivers/ssh/target.ts';
import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';
import { Liveness } from './liveness.ts';

/** The id of the actor that knows the machine behind `host:port`. */
export const sshMachineId = (hostPort: string): string =>
  `ssh-${hostPort.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 45)}-${createHash('sha256').update(hostPort).digest('hex').slice(0, 8)}`;

/** Host keys as people have accepted them: the machine's own actor holds them. */
export function hostKeys(engine: () => Engine, db: Db): HostKeys {
  const view = db.prepare('SELECT pinned FROM machines WHERE id = ?').pluck();
  return {
    async pinned(hostPort) {
      const id = sshMachineId(hostPort);
      const head = await engine().host.head(`machine/${id}`).catch(() => null);
      if (head) return (head.entry.after as { context: { pinned: { fingerprint: string } | null } }).context.pinned?.fingerprint ?? null;
      const pinned = view.get(id) as string | null | undefined;
      return pinned ? (JSON.parse(pinned) as { fingerprint: string }).fingerprint : null;
    },
    offered(hostPort, fingerprint) {
      const id = sshMachineId(hostPort);
      const [, host, port] = /^(.*):(\d+)$/.exec(hostPort)!;
      void engine().send({ kind: 'machine', id }, { type: 'KEY_SHOWN', fingerprint, host: host!, port: Number(port) }, `key:${id}:${fingerprint}:${Math.floor(Date.now() / 10_000)}`, 'ssh').catch(() => {});
    },
  };
}

/** Hears the agents of machines, and tells each machine's actor what has become of its link. */
export class MachineDesk {
  private readonly liveness: Liveness;
  private readonly stops: (() => void)[] = [];
  private readonly disks = new Map<string, { machine: string; diskFreeBytes: number; diskTotalBytes: number; at: number }>();

  constructor(nc: NatsConnection, engine: Engine, db: Db, timing: { suspect: number; offline: number }) {
    const tell = (id: string, event: { type: string; [key: string]: unknown }, cause: string) => {
      const actor = `machine/${id}`;
      if (engine.host.owns(actor)) engine.host.put(actor, { is: 'event', event, cause: { id: cause } }, () => {});
    };
    this.liveness = new Liveness({ suspectAfter: timing.suspect, offlineAfter: timing.offline }, ({ worker: id, is, incarnation }) => tell(id, { type: is }, `${is}:${incarnation}:${Date.now()}`));
    for (const r of db.prepare("SELECT id, incarnation FROM machines WHERE status IN ('connected', 'suspect') AND incarnation IS NOT NULL").all() as { id: string; incarnation: string }[]) this.liveness.expect(r.id, r.incarnation);
    const sub = nc.subscribe(`${PREFIX}.mhb.*`, {
      callback: (error, msg) => {
        if (error) return;
        const read = machineHeartbeat.safeParse(safeJson(msg));
        if (!read.success || msg.subject !== `${PREFIX}.mhb.${read.data.machine}`) return;
        const { machine, incarnation, seq, at, place: _, ...beat } = read.data;
        this.disks.set(machine, { machine, diskFreeBytes: beat.diskFreeBytes, diskTotalBytes: beat.diskTotalBytes, at: performance.now() });
        const before = this.liveness.state(machine);
        const known = this.liveness.incarnation(machine);
        this.liveness.beat({ worker: machine, incarnation, seq, at, rssBytes: 0, cpuRatio: beat.cpuRatio, browsers: 0, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [] });
        if (known !== incarnation || before === 'offline' || before === null) tell(machine, { type: 'JOINED', incarnation, facts: factsOf(beat) }, `joined:${incarnation}:${before === 'offline' ? at : 0}`);
      },
    });
    this.stops.push(() => void (nc.isClosed() || sub.unsubscribe()), () => this.liveness.stop());
  }

  /** The disks of the machines that were heard of within the last minute. */
  disksNow(): { machine: string; diskFreeBytes: number; diskTotalBytes: number }[] {
    return [...this.disks.values()].filter((d) => performance.now() - d.at < 60_000);
  }

  /** The machines' agents have a full window from now on. */
  fresh(): void {
    this.liveness.fresh();
  }

  stop(): void {
    for (const stop of this.stops) stop();
  }
}

const factsOf = ({ host, os, arch, cpus, memoryTotalBytes, version, node, chromium }: Omit<MachineFacts, 'place'>) => ({ host, os, arch, cpus, memoryTotalBytes, version, node, chromium });

function safeJson(msg: { json(): unknown }): unknown {
  try {
    return msg.json();
  } catch {
    return null;
  }
}
