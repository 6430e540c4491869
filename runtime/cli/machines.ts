import { withOperator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { listMachines } from '../read-model/queries/machines.ts';
import { textTable } from '../text-table.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'machines';
export const summary = 'list machines: agents and SSH hosts, their link and their keys';
export const usage = `Usage: troupe machines [--json]

An SSH host that shows its key waits to be accepted, on the page or with
  nats req troupe.cmd.machine.ID.accept '{"fingerprint": "SHA256:…"}'`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { json: { type: 'boolean' } });
  return withOperator(ctx, async (operator) => {
    const rows = listMachines(await viewFromJournal(operator.nc, ['machine']));
    if (flags.json) ctx.out(JSON.stringify({ machines: rows.map((m) => ({ id: m.id, is: m.is, name: m.name, host: m.host, port: m.port, link_status: m.link, trust: m.trust, fingerprint: m.pinned?.fingerprint ?? null, offered_fingerprint: m.offered?.fingerprint ?? null, accepted_by: m.acceptedBy, cordoned: m.cordoned, facts: m.facts })) }, null, 2));
    else if (rows.length === 0) ctx.out('no machine is known yet: run troupe agent on one, or start a worker over SSH');
    else for (const line of textTable(['MACHINE', 'IS', 'HOST', 'LINK', 'KEY', 'SHOWN', 'ACCEPTED'], rows.map((m) => [m.id, m.is, m.host, m.is === 'agent' ? `${m.link}${m.cordoned ? ', cordoned' : ''}` : m.cordoned ? 'cordoned' : null, m.is === 'ssh' ? m.trust : null, m.offered?.fingerprint ?? null, m.pinned?.fingerprint ?? null]))) ctx.out(line);
    return 0;
  });
}
