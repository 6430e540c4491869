import { account } from './account.ts';
import type { Binding } from './binding.ts';
import { key } from './key.ts';
import { login } from './login.ts';
import { machine } from './machine.ts';
import { monitor } from './monitor.ts';
import { reply } from './reply.ts';
import { scaler } from './scaler.ts';
import { schedule } from './schedule.ts';
import { worker } from './worker.ts';

/** Every kind of actor that this build knows. */
export const kinds: ReadonlyMap<string, Binding> = new Map([worker, account, login, monitor, reply, machine, key, scaler, schedule].map((b) => [b.kind, b]));
