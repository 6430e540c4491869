import { loadConfig } from '../config.ts';
import { examine } from '../doctor.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'doctor';
export const summary = 'check this machine and say what to mend';
export const usage = `Usage: troupe doctor [--json]

Looks at Node, nats-server, Chromium, ports, disk, clock, secrets and permissions. Ends with 1 when something fails.
  --json   an array of {check, is: ok|warn|fail, what, fix}`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { json: { type: 'boolean' } });
  const findings = await examine(loadConfig(ctx.env), ctx.env);
  if (flags.json) ctx.out(JSON.stringify(findings, null, 2));
  else {
    const width = Math.max(...findings.map((f) => f.check.length));
    for (const f of findings) {
      ctx.out(`${f.is.padEnd(4)}  ${f.check.padEnd(width)}  ${f.what}`);
      if (f.fix !== '') ctx.out(`${' '.repeat(width + 8)}-> ${f.fix}`);
    }
  }
  return findings.some((f) => f.is === 'fail') ? 1 : 0;
}
