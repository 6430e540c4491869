import { readArgs, UsageError, type VerbContext } from '../verb.ts';
import { loadVerb, verbNames } from '../verbs.ts';

export const name = 'completion';
export const summary = 'print what completes these commands in bash, zsh or fish';
export const words = ['bash', 'zsh', 'fish'] as const;
export const usage = `Usage: troupe completion bash|zsh|fish

  bash   source <(troupe completion bash)                        in ~/.bashrc
  zsh    source <(troupe completion zsh)                         in ~/.zshrc, after compinit
  fish   troupe completion fish > ~/.config/fish/completions/troupe.fish`;

type Known = { name: string; summary: string; words: readonly string[]; flags: string[] };

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { rest } = readArgs(args, {}, { least: 1, names: 'bash, zsh or fish is' });
  const make = { bash, zsh, fish }[rest[0]!];
  if (!make) throw new UsageError(`"${rest[0]!.slice(0, 40)}": there are ${words.join(', ')}`);
  const verbs = await Promise.all(verbNames().map(async (n): Promise<Known> => {
    const verb = await loadVerb(n);
    return { name: verb.name, summary: verb.summary, words: verb.words ?? [], flags: flagsOf(verb.usage) };
  }));
  ctx.out(make(verbs));
  return 0;
}

/** The flags that a usage names, in its order. */
const flagsOf = (usage: string): string[] => [...new Set([...(usage.match(/(?<![\w-])--[a-z][a-z-]*(?![\w-])/g) ?? []), '--help'])];
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const bash = (verbs: Known[]): string => `_troupe() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${verbs.map((v) => v.name).join(' ')} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${verbs.map((v) => `      ${v.name}) words="${v.flags.join(' ')}"${v.words.length > 0 ? `; [ "$COMP_CWORD" -eq 2 ] && words="${v.words.join(' ')} $words"` : ''} ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _troupe troupe`;

const zsh = (verbs: Known[]): string => `#compdef troupe
_troupe() {
  local -a verbs
  verbs=(${verbs.map((v) => quoted(`${v.name}:${v.summary.replaceAll(':', ' -')}`)).join(' ')})
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
    return
  fi
  case "$words[2]" in
${verbs.map((v) => `    ${v.name}) ${v.words.length > 0 ? `(( CURRENT == 3 )) && compadd -- ${v.words.join(' ')}; ` : ''}compadd -- ${v.flags.join(' ')} ;;`).join('\n')}
  esac
  _files
}
compdef _troupe troupe`;

const fish = (verbs: Known[]): string => [
  ...verbs.map((v) => `complete -c troupe -n __fish_use_subcommand -f -a ${v.name} -d ${quoted(v.summary)}`),
  ...verbs.flatMap((v) => [
    ...(v.words.length > 0 ? [`complete -c troupe -n '__fish_seen_subcommand_from ${v.name}; and not __fish_seen_subcommand_from ${v.words.join(' ')}' -f -a ${quoted(v.words.join(' '))}`] : []),
    ...v.flags.map((f) => `complete -c troupe -n '__fish_seen_subcommand_from ${v.name}' -l ${f.slice(2)}`),
  ]),
].join('\n');
