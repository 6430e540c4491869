import type { Ctx } from './context.ts';
import type { TextKey } from './texts/zh-CN.ts';

/** Charts say why in English; these are their sentences. What is not among them is shown as it is. */
const SENTENCES: [RegExp, TextKey][] = [
  [/^defined$/, 'why.defined'],
  [/^auto-start$/, 'why.auto-start'],
  [/^started by (?<who>.+)$/, 'why.started-by'],
  [/^stopped by (?<who>.+)$/, 'why.stopped-by'],
  [/^restarted by (?<who>.+)$/, 'why.restarted-by'],
  [/^drained by (?<who>.+)$/, 'why.drained-by'],
  [/^restarted: (?<rest>.+)$/, 'why.restarted'],
  [/^started again: it had ended while no master watched$/, 'why.started-again'],
  [/^exit (?<code>\d+)$/, 'why.exit'],
  [/^exit (?<code>\d+) (?<signal>SIG[A-Z0-9]+)$/, 'why.exit-signal'],
  [/^killed by (?<signal>SIG[A-Z0-9]+)$/, 'why.killed-by'],
  [/^killed by (?<who>.+)$/, 'why.killed-by-who'],
  [/^taken back into work by (?<who>.+)$/, 'why.taken-back'],
  [/^started again by (?<who>.+)$/, 'why.again-by'],
  [/^machine prepared by (?<who>.+)$/, 'why.prepared-by'],
  [/^preparing its machine: (?<rest>.+)$/, 'why.preparing'],
  [/^memory (?<used>[\d.]+) GB over (?<limit>[\d.]+) GB$/, 'why.memory'],
  [/^recycled after (?<h>\d+) h$/, 'why.recycled'],
  [/^silent for 2 min although its process is there$/, 'why.silent'],
  [/^it answers again$/, 'why.answers-again'],
  [/^stopped: (?<rest>.+)$/, 'why.stopped-because'],
  [/^(?<worker>[a-z0-9-]+) drains$/, 'why.drains'],
  [/^rebalanced$/, 'why.rebalanced'],
  [/^moved by an operator$/, 'why.moved'],
  [/^(?<n>\d+) accounts at (?<target>[\d.]+) a worker ask for (?<asked>\d+)$/, 'why.scale'],
  [/^(?<n>\d+) pieces of work at (?<target>[\d.]+) a worker ask for (?<asked>\d+)$/, 'why.scale-work'],
  [/^(?<n>\d+) at most$/, 'why.at-most'],
  [/^(?<n>\d+) at least$/, 'why.at-least'],
  [/^(?<n>\d+) run$/, 'why.run'],
  [/^(?<worker>[a-z0-9-]+) is the least loaded$/, 'why.least-loaded'],
  [/^and none of (?<group>[a-z0-9-]+)'s own workers is free to go$/, 'why.none-free'],
  [/^(?<worker>[a-z0-9-]+) takes (?<n>\d+) accounts at most$/, 'why.takes-at-most'],
  [/^(?<worker>[a-z0-9-]+) does not serve group (?<name>[a-z0-9-]+) any more$/, 'why.serves-no-more'],
  [/^no worker runs: start one$/, 'why.none-runs'],
  [/^no worker of group (?<group>[a-z0-9-]+) runs: start one$/, 'why.group-none'],
  [/^no running worker of group (?<group>[a-z0-9-]+) has platform (?<platform>[a-z0-9-]+)$/, 'why.group-platform'],
  [/^every worker of group (?<group>[a-z0-9-]+) is over its memory$/, 'why.group-memory'],
  [/^every worker of group (?<group>[a-z0-9-]+) is full: /, 'why.group-full'],
  [/^it is pinned to (?<worker>[a-z0-9-]+), which does not run$/, 'why.pin-silent'],
  [/^it is pinned to (?<worker>[a-z0-9-]+), which has no platform (?<platform>[a-z0-9-]+)$/, 'why.pin-platform'],
  [/^it is pinned to (?<worker>[a-z0-9-]+), which is full \((?<n>\d+) of (?<max>\d+)\)$/, 'why.pin-full'],
  [/^it is pinned to (?<worker>[a-z0-9-]+), whose machine (?<machine>[a-z0-9-]+) is cordoned: uncordon it$/, 'why.pin-cordoned'],
  [/^every worker of group (?<group>[a-z0-9-]+) is on a cordoned machine: uncordon one$/, 'why.group-cordoned'],
  [/^machine (?<machine>[a-z0-9-]+) is cordoned, so nothing is started there: /, 'why.cordoned'],
  [/^it answered (?<code>\d{3})$/, 'why.http'],
  [/^no answer within (?<s>[\d.]+) s$/, 'why.no-answer-in'],
  [/^it can't be reached: (?<what>.+)$/, 'why.unreached'],
  [/^it is over$/, 'why.is-over'],
  [/^gone$/, 'why.gone'],
  [/^it exited by itself \(exit 0\)$/, 'why.exited-well'],
  [/^exit 78: /, 'why.refused-config'],
  [/^started elsewhere$/, 'why.elsewhere'],
  [/^started elsewhere, and silent now$/, 'why.elsewhere-silent'],
  [/^started elsewhere, and ended there$/, 'why.elsewhere-ended'],
  [/^it did not register within 30 s$/, 'why.not-registered'],
  [/^the login was cancelled$/, 'why.login-cancelled'],
  [/^nobody scanned the code within 5 minutes$/, 'why.nobody-scanned'],
  [/^the worker was lost: (?<rest>.+)$/, 'why.worker-lost'],
  [/^no answer within 2 minutes after the leave to send$/, 'why.no-answer'],
  [/^the platform took it without an answer and does not show it$/, 'why.not-shown'],
  [/^the worker did not get ready to send within 2 minutes$/, 'why.not-ready'],
  [/^the round took longer than 3 minutes$/, 'why.round-long'],
  [/^the account is not logged in$/, 'why.not-in'],
  [/^its event loop stood still for (?<s>[\d.]+) s: every worker has a fresh window to be heard$/, 'why.stalled'],
  [/^no worker has the account$/, 'why.no-worker'],
  [/^quiet hours until (?<to>\d+):00$/, 'why.quiet'],
  [/^the account's limit of (?<n>\d+) replies an hour is reached$/, 'why.per-hour'],
  [/^the account's limit of (?<n>\d+) replies a minute is reached$/, 'why.per-minute'],
  [/^the same words under this (?<type>comment|message) are (?<reply>[a-z_]+) already \(reply .+\)$/, 'why.same-words'],
  [/^a reply waits for a decision: $/, 'why.reply-waits'],
  [/^a reply waits for a decision: (?<rest>.+)$/, 'why.reply-waits-because'],
  [/^a reply was not posted: $/, 'why.reply-failed'],
  [/^a reply was not posted: (?<rest>.+)$/, 'why.reply-failed-because'],
  [/^its window did not open within 2 minutes$/, 'why.window-late'],
  [/^not finished within (?<s>[\d.]+) s$/, 'why.not-within'],
  [/^account (?<account>[a-z0-9-]+) is busy with (?<what>.+)$/, 'why.account-busy'],
  [/^worker (?<worker>[a-z0-9-]+), which has its account, does not run$/, 'why.holder-silent'],
  [/^worker (?<worker>[a-z0-9-]+) does not run: start it$/, 'why.worker-silent'],
  [/^no worker that may run shell tasks: start one with --allow-shell$/, 'why.no-shell'],
  [/^no worker of group (?<group>[a-z0-9-]+) that may run shell tasks: start one with --allow-shell$/, 'why.group-no-shell'],
  [/^worker (?<worker>[a-z0-9-]+) may not run shell tasks: start it with --allow-shell$/, 'why.worker-no-shell'],
  [/^no running worker of group (?<group>[a-z0-9-]+) has (?<what>.+)$/, 'why.group-lacks'],
  [/^all (?<n>\d+) workers of group (?<group>[a-z0-9-]+) are full \((?<used>\d+) of (?<all>\d+)\)$/, 'why.all-full'],
  [/^worker (?<worker>[a-z0-9-]+) of group (?<group>[a-z0-9-]+) is full \((?<used>\d+) of (?<all>\d+)\)$/, 'why.one-full'],
  [/^worker (?<worker>[a-z0-9-]+) is full \((?<used>\d+) of (?<all>\d+)\)$/, 'why.worker-full'],
  [/^the workers of group (?<group>[a-z0-9-]+) run no tasks: give one --max-agents$/, 'why.no-places'],
  [/^its agent (?<agent>[a-z0-9-]+) is busy$/, 'why.agent-busy'],
  [/^its agent (?<agent>[a-z0-9-]+) is (?<state>offline|opening|error|placing|idle)$/, 'why.agent-is'],
  [/^there is no agent (?<agent>[a-z0-9-]+): open one, or leave the choice to the fleet$/, 'why.no-agent'],
  [/^paused by (?<who>[^:]+)$/, 'why.paused-by'],
  [/^paused by (?<who>[^:]+): (?<what>.+)$/, 'why.paused-because'],
  [/^after task (?<what>.+)$/, 'why.after-task'],
  [/^the page crashed$/, 'why.page-crashed'],
];

/** A scaler's sentence, clause by clause. */
const SCALING = /^(\d+ (?:accounts|pieces of work) at [\d.]+ a worker ask for \d+)(?:, (\d+ at (?:most|least)))?; (\d+ run)(?:, (.+))?$/;

/** Why something is as it is, in the reader's language where the sentence is known. */
export function reason(x: Ctx, text: string): string {
  const scaling = SCALING.exec(text);
  if (scaling) return scaling.slice(1).filter((clause) => clause !== undefined).map((clause) => reason(x, clause)).join(x.t('why.comma'));
  for (const [pattern, key] of SENTENCES) {
    const found = pattern.exec(text);
    if (!found) continue;
    const { rest, ...named } = found.groups ?? {};
    for (const group of ['type', 'reply']) if (group in named) named[group] = x.word(group, named[group]!);
    return x.t(key, rest === undefined ? named : { ...named, rest: reason(x, rest) });
  }
  return text;
}
