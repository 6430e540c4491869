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

/** Whether a filter can drop packets inside, or why there can be no inside at all. */
function probe(): { why: string } | { filter: boolean } {
  if (process.platform !== 'linux') return { why: 'networks of their own need Linux' };
  if (process.getuid?.() !== 0) return { why: 'networks of their own need root' };
  const name = `tr-probe-${process.pid}`;
  const made = run('ip', 'netns', 'add', name);
  if (!made.ok) return { why: `no network of its own can be made: ${made.why}` };
  const cable = run('ip', 'link', 'add', `tp${process.pid}`, 'type', 'veth', 'peer', 'name', `tq${process.pid}`, 'netns', name);
  const filter = run('ip', 'netns', 'exec', name, 'iptables', '-w', '-A', 'OUTPUT', '-j', 'DROP').ok;
  run('ip', 'link', 'del', `tp${process.pid}`);
  run('ip', 'netns', 'del', name);
  return cable.ok ? { filter } : { why: `no cable can be laid to a network of its own: ${cable.why}` };
}
const can = probe();

/** Why no network of its own can be made here; null where one can. */
export const noNetns: string | null = 'why' in can ? can.why : null;

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
  const ways = (loss: Loss): ('out' | 'in')[] => (loss === 'both' ? ['out', 'in'] : [loss]);
  /** Where there is no filter, a route into nothing: inside for what leaves, on this side for what would come in. */
  const nowhere = (way: 'out' | 'in', verb: 'add' | 'del'): string[] => [...(way === 'out' ? ['ip', 'netns', 'exec', name] : []), 'ip', 'route', verb, 'blackhole', `${at(way === 'out' ? 1 : 2)}/32`];
  const filtered = 'filter' in can && can.filter;
  const mend = (): void => {
    for (const way of ways('both')) {
      if (filtered) run('ip', 'netns', 'exec', name, 'iptables', '-w', '-F', way === 'out' ? 'OUTPUT' : 'INPUT');
      else run(...nowhere(way, 'del'));
    }
  };
  const remove = (): void => {
    mend();
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
      for (const way of ways(loss)) {
        if (!filtered) must(...nowhere(way, 'add'));
        else if (way === 'out') inside('iptables', '-w', '-A', 'OUTPUT', '!', '-o', 'lo', '-j', 'DROP');
        else inside('iptables', '-w', '-A', 'INPUT', '!', '-i', 'lo', '-j', 'DROP');
      }
    },
    heal: mend,
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
