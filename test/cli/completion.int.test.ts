import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-completion-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const troupe = (shell: string): string => execFileSync(join(packageRoot(), 'bin', 'troupe'), ['completion', shell], { encoding: 'utf8' });
const lines = (text: string): string[] => text.split('\n').map((l) => l.split('\t')[0]!.trim()).filter(Boolean);

it('bash offers verbs, their words and their flags', () => {
  const file = join(dir, 'troupe.bash');
  writeFileSync(file, troupe('bash'));
  const offered = (...words: string[]) => lines(execFileSync('bash', ['-c', `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _troupe; printf '%s\\n' "\${COMPREPLY[@]}"`, 'x', file, 'troupe', ...words], { encoding: 'utf8' }));
  expect(offered('pla')).toEqual(['platform']);
  expect(offered('task', 'can')).toEqual(['cancel']);
  expect(offered('add', '--pri')).toEqual(['--priority']);
});

it.runIf(existsSync('/usr/bin/fish'))('fish does, with what each verb is for', () => {
  mkdirSync(join(dir, 'fish', 'completions'), { recursive: true });
  writeFileSync(join(dir, 'fish', 'completions', 'troupe.fish'), troupe('fish'));
  const offered = (line: string) => execFileSync('fish', ['-c', `complete -C "${line}"`], { encoding: 'utf8', cwd: dir, env: { ...process.env, PATH: `${join(packageRoot(), 'bin')}:${process.env['PATH']}`, XDG_CONFIG_HOME: dir, HOME: dir } });
  expect(offered('troupe pla')).toMatch(/^platform\tlist the platforms/m);
  expect(lines(offered('troupe task '))).toEqual(expect.arrayContaining(['cancel', 'logs', 'retry', 'show']));
  expect(lines(offered('troupe add --pri'))).toEqual(['--priority']);
});

it.runIf(existsSync('/usr/bin/zsh'))('zsh does', () => {
  const file = join(dir, 'troupe.zsh');
  writeFileSync(file, troupe('zsh'));
  const offered = (words: string, current: number) => lines(execFileSync('zsh', ['-f', '-c', `autoload -Uz compinit; compinit -u -d ${dir}/dump; source ${file}; compadd() { local w; for w in "$@"; do [[ $w == -- ]] || print -r -- "$w"; done }; _describe() { print -rl -- "\${(@P)2}" }; _files() { : }; words=(${words}); CURRENT=${current}; _troupe`], { encoding: 'utf8' }));
  expect(offered('troupe ""', 2).some((v) => v.startsWith('platform:list the platforms'))).toBe(true);
  expect(offered('troupe task ""', 3)).toEqual(expect.arrayContaining(['cancel', 'logs', 'retry', 'show']));
  expect(offered('troupe add ""', 3)).toContain('--priority');
});
