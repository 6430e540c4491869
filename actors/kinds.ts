import { account } from './account.ts';
import { agent } from './agent.ts';
import { alert } from './alert.ts';
import type { Binding } from './binding.ts';
import { conversation } from './conversation.ts';
import { erasure } from './erasure.ts';
import { gate } from './gate.ts';
import { key } from './key.ts';
import { login } from './login.ts';
import { machine } from './machine.ts';
import { monitor } from './monitor.ts';
import { notifier } from './notifier.ts';
import { proxy } from './proxy.ts';
import { reply } from './reply.ts';
import { rule } from './rule.ts';
import { scaler } from './scaler.ts';
import { schedule } from './schedule.ts';
import { sink } from './sink.ts';
import { task } from './task.ts';
import { worker } from './worker.ts';

/** Every kind of actor that this build knows. */
export const kinds: ReadonlyMap<string, Binding> = new Map([worker, account, login, monitor, reply, machine, key, scaler, schedule, task, agent, gate, alert, sink, conversation, rule, proxy, notifier, erasure].map((b) => [b.kind, b]));
