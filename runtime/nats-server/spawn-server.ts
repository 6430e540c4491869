import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { withTimerSlack } from '../timer-slack.ts';

/** How late the server's timers may be, in nanoseconds: its scheduler would look fifty thousand times a second whether a flush is over, for a fifth of its CPU time (docs/adr/0025). */
export const SERVER_SLACK_NS = 1_000_000;

/** Starts a nats-server with this configuration. */
export const spawnServer = (path: string, configFile: string, options: SpawnOptions): ChildProcess => withTimerSlack(SERVER_SLACK_NS, () => spawn(path, ['-c', configFile], options));
