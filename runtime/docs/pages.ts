import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kinds } from '../../actors/kinds.ts';
import { TABLE } from '../../transport/subjects.ts';
import { chart } from '../../views/chart.ts';
import { render } from '../../views/html.ts';
import { describeConfig } from '../config.ts';
import { chartNode } from '../http/chart-node.ts';
import { agentPermissions, joinPermissions, rolePermissions, workerPermissions, type Permissions } from '../nats-server/permissions.ts';
import { packageRoot } from '../package-root.ts';

const MADE = '<!-- Made by npm run docs. -->\n';

/** Every page of docs/ that is made from source, by its path from the package's root. */
export function generatedPages(): Record<string, string> {
  const pages: Record<string, string> = {
    'docs/subjects.md': subjectsPage(),
    'docs/configuration.md': configurationPage(),
    'docs/charts/README.md': chartsPage(),
  };
  for (const kind of kinds.keys()) pages[`docs/charts/${kind}.svg`] = picture(kind);
  return pages;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => `\`${cell(text)}\``;
const table = (head: string[], rows: string[][]): string => [head, head.map(() => '---'), ...rows].map((r) => `| ${r.join(' | ')} |`).join('\n');

function subjectsPage(): string {
  const roles: [string, Permissions][] = [
    ['`master`', rolePermissions('master')],
    ['`web`', rolePermissions('web')],
    ['`operator` (the nats CLI)', rolePermissions('operator')],
    ['a worker, here `worker-1`', workerPermissions('worker-1')],
    ['an agent, here of the machine `box-1`', agentPermissions('box-1')],
    ['`join`: any holder of the pre-shared key', joinPermissions()],
  ];
  const list = (subjects: string[] = []) => (subjects.length === 0 ? 'nothing' : subjects.map(code).join(', '));
  return `${MADE}# Subjects

Every subject of Troupe. Payloads are JSON, ids are \`[a-z0-9-]\`, 1 to 63 characters. \`nats sub 'troupe.>'\` shows all of it live.

${table(['subject', 'kind', 'who says it', 'what'], TABLE.map((r) => [code(r.subject), r.kind, r.who, r.what]))}

## Who may say and hear what

nats-server itself enforces this: each process has a user of its own, and what is not listed is refused.

${roles.map(([who, p]) => `### ${who}\n\n${table(['', 'subjects'], [['may say', list(p.publish.allow)], ['but not', list(p.publish.deny)], ['may hear', list(p.subscribe.allow)], ['but not', list(p.subscribe.deny)]])}${p.responses ? `\n\nIt may answer what it is asked: ${p.responses.max} message a request, for ${p.responses.expires}.` : ''}`).join('\n\n')}
`;
}

function configurationPage(): string {
  return `${MADE}# Configuration

From the environment, or from \`.env\` in the folder that you start in; the environment wins. A bad value is named with its fix, and ends the process with code 78.

${table(['variable', 'default', 'meaning'], describeConfig().map((r) => [code(r.name), cell(r.fallback), cell(r.help)]))}
`;
}

function chartsPage(): string {
  const each = [...kinds].map(([kind, binding]) => {
    const commands = Object.entries(binding.commands).map(([verb]) => code(verb));
    const effects = Object.entries(binding.effects).map(([src, place]) => `${code(src)} on ${place.on === 'worker' ? 'a worker' : 'the master'}${'once' in place && place.once ? ', never twice' : ''}`);
    const facts = [`Version \`${binding.chart.version}\``, commands.length > 0 && `commands ${commands.join(', ')}`, effects.length > 0 && `effects ${effects.join('; ')}`].filter(Boolean);
    return `## ${kind}\n\n${facts.join('; ')}. Source: [machines/${kind}.ts](../../machines/${kind}.ts), [actors/${kind}.ts](../../actors/${kind}.ts).\n\n![The states of ${kind}](${kind}.svg)`;
  });
  return `${MADE}# Charts\n\nEach kind of actor, drawn from its machine: ⚙ an effect that runs while the state is active, ⚑ a tagged state, a dashed frame regions that run side by side. The actor page shows the same picture with the present state lit.\n\n${each.join('\n\n')}\n`;
}

/** The picture alone, with the colours that the page gives it. */
function picture(kind: string): string {
  const drawn = render(chart(chartNode(kinds.get(kind)!.chart.machine), { active: [], allowed: [] }));
  const svg = drawn.slice(drawn.indexOf('<svg'), drawn.lastIndexOf('</svg>') + 6).replace(/ aria-label(?:="[^"]*")?/, ` aria-label="the states of ${kind}"`);
  return `${svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"').replace('>', `><style>${style()}</style>`)}\n`;
}

// The page's own sheet, in its two themes: a picture in a README follows the reader's.
function style(): string {
  const sheet = readFileSync(join(packageRoot(), 'views', 'static', 'app.css'), 'utf8');
  const rules = sheet.split('\n').filter((l) => /^(\.state|\.start|\.arrow|#tip)[ .>{]/.test(l));
  const names = new Set(rules.join().match(/--[a-z-]+/g));
  const pairs = [...sheet.matchAll(/^ {2}(--[a-z-]+): light-dark\((.+), (.+)\);$/gm)].filter((m) => names.has(m[1]!));
  const theme = (side: 2 | 3) => `svg{${pairs.map((m) => `${m[1]}:${m[side]}`).join(';')}}`;
  return `${theme(2)}@media(prefers-color-scheme:dark){${theme(3)}}svg{background:var(--card);font-family:system-ui,-apple-system,"Segoe UI",sans-serif}${rules.join('')}`;
}
