import { actorWord, withOperator } from '../operator.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'inspect';
export const summary = 'show an actor: state, context, journal, pending effects and timers';
export const usage = 'Usage: troupe inspect KIND/ID [--limit N] [--json]\n\n  --limit N   turns of the journal that are shown, newest first; 20';

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' }, limit: { type: 'string' } }, { least: 1, names: 'KIND/ID' });
  const to = actorWord(rest[0]!);
  return withOperator(ctx, async (operator) => {
    const seen = (await operator.command(to, 'inspect', {})) as Record<string, any>;
    if (!seen['ok']) {
      ctx.err(`troupe: ${seen['message']}`);
      return 1;
    }
    const history = (await operator.command(to, 'history', { limit: Number(flags.limit ?? 20) })) as Record<string, any>;
    if (flags.json) {
      ctx.out(JSON.stringify({ ...seen, journal: history['entries'] ?? [] }, null, 2));
      return 0;
    }
    ctx.out(`${seen['actor']}  ${seen['state']}  (${seen['version']}, turn ${seen['index']}, ${seen['status']})`);
    if (seen['why']) ctx.out(`waits: ${seen['why']}`);
    if (seen['parked']) ctx.out(`parked: ${seen['parked']}`);
    ctx.out(`context: ${JSON.stringify(seen['context'], null, 2)}`);
    section(ctx, 'pending effects', seen['pending'].effects, (e) => `${e.src} as ${e.id} on ${e.on} since ${time(e.since)}  ${e.token}`);
    section(ctx, 'pending timers', seen['pending'].timers, (t) => `${t.id} at ${time(t.due)}  ${t.token}`);
    section(ctx, 'messages on their way', seen['pending'].tells, (t) => `${t.event} to ${t.to}`);
    ctx.out(`takes now: ${seen['allowed'].join(', ') || 'nothing'}`);
    section(ctx, 'journal', history['entries'] ?? [], (e) => `${String(e.index).padStart(5)}  ${time(e.at)}  ${e.event}  -> ${e.state}${e.by ? `  by ${e.by}` : ''}`);
    return 0;
  });
}

function section(ctx: VerbContext, title: string, rows: any[], line: (row: any) => string): void {
  if (rows.length > 0) ctx.out(`${title}:\n${rows.map((r) => `  ${line(r)}`).join('\n')}`);
}

const time = (ms: number): string => new Date(ms).toISOString();
