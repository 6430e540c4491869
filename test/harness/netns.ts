import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Which packets are lost, as seen from inside. */
export type Loss = 'out' | 'in' | 'both';

const run = (...argv: string[]): { ok: boolean; why: string } => {
  const { status, stderr, error } = spawnSync(argv[0]!, argv.slice(1), { encoding: 'utf8' });
  return { ok: status === 0, why: error?.message ?? stderr.trim() };
};
const must = (...argv: string[]): void => {
  const { ok, why } = run(...argv);
  if (!ok) throw new Error(`${argv.join(' ')}: ${why}`);
};

/** Why no network of its own can be made here; null where one can. */
export const noNetns: string | null = (() => {
  if (process.platform !== 'linux') return 'networks of their own need Linux';
  if (process.getuid?.() !== 0) return 'networks of their own need root';
  const name = `tr-probe-${process.pid}`;
  const made = run('ip', 'netns', 'add', name);
  if (!made.ok) return `no network of its own can be made: ${made.why}`;
  const filter = run('ip', 'netns', 'exec', name, 'iptables', '-w', '-A', 'OUTPUT', '-j', 'DROP');
  run('ip', 'netns', 'del', name);
  return filter.ok ? null : `iptables drops nothing here: ${filter.why}`;
})();

/** A network that reaches this machine by one cable and nothing else. `close` takes it away with every process in it. */
export function openNetns() {
  const tag = `${(process.pid % 65_536).toString(16)}${Math.floor(Math.random() * 4096).toString(16)}`;
  const name = `troupe-${tag}`;
  const [here, there] = [`th${tag}`, `tt${tag}`];
  // A /30 of the range for tests of networks, 198.18.0.0/15.
  const block = Math.floor(Math.random() * 32_768) * 4;
  const at = (n: number) => `198.${18 + (block >> 16)}.${(block >> 8) & 255}.${(block & 255) + n}`;
  const children: ChildProcess[] = [];
  const inside = (...argv: string[]): void => must('ip', 'netns', 'exec', name, ...argv);
  const chains = (loss: Loss): string[] => (loss === 'both' ? ['OUTPUT', 'INPUT'] : loss === 'out' ? ['OUTPUT'] : ['INPUT']);
  const remove = (): void => {
    run('ip', 'link', 'del', here);
    run('ip', 'netns', 'del', name);
  };
  process.once('exit', remove);
  try {
    must('ip', 'netns', 'add', name);
    must('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
    must('ip', 'addr', 'add', `${at(1)}/30`, 'dev', here);
    must('ip', 'link', 'set', here, 'up');
    inside('ip', 'addr', 'add', `${at(2)}/30`, 'dev', there);
    inside('ip', 'link', 'set', there, 'up');
    inside('ip', 'link', 'set', 'lo', 'up');
  } catch (error) {
    remove();
    throw error;
  }
  return {
    /** This machine's address as it is seen inside. */
    host: at(1),
    /** Packets vanish without a word until `heal`. */
    drop(loss: Loss): void {
      for (const chain of chains(loss)) inside('iptables', '-w', '-A', chain, '!', chain === 'INPUT' ? '-i' : '-o', 'lo', '-j', 'DROP');
    },
    heal(): void {
      for (const chain of chains('both')) inside('iptables', '-w', '-F', chain);
    },
    /** The cable pulled on this machine's side: no FIN, no RST. */
    cable(plugged: boolean): void {
      must('ip', 'link', 'set', here, plugged ? 'up' : 'down');
    },
    spawn(command: string, args: string[], env: Record<string, string | undefined>, cwd?: string): ChildProcess {
      const child = spawn('ip', ['netns', 'exec', name, command, ...args], { env, cwd, stdio: ['ignore', 'pipe', process.env['STAGE_LOGS'] ? 'inherit' : 'ignore'] });
      children.push(child);
      return child;
    },
    async close(): Promise<void> {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      // What they have started themselves, browsers above all.
      for (const pid of spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
      remove();
      process.removeListener('exit', remove);
    },
  };
}
export type Netns = ReturnType<typeof openNetns>;
