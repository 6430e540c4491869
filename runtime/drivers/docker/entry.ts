import { tar } from '../tar.ts';

const FOLDER = '.troupe';
export const ENV_FILE = `/${FOLDER}/env`;
/** There once the command is about to run: everything before went well. */
export const STARTED_FILE = `/${FOLDER}/started`;

/** Exit codes of the entry itself, before the command runs. */
export const EARLY = { noFolder: 121, noCommand: 122 } as const;

// Constant: the folder and the command come as its arguments, secrets by a file that is gone before the command runs.
export const ENTRY = [
  'set -a',
  `. ${ENV_FILE}`,
  'set +a',
  `rm -f ${ENV_FILE} 2>/dev/null || : > ${ENV_FILE}`,
  `cd "$1" 2>/dev/null || exit ${EARLY.noFolder}`,
  'shift',
  `command -v "$1" >/dev/null 2>&1 || exit ${EARLY.noCommand}`,
  `: > ${STARTED_FILE}`,
  'if command -v tini >/dev/null 2>&1; then exec tini -- "$@"; fi',
  'exec "$@"',
].join('\n');

/** For a shell to read: within single quotes nothing but the quote itself has a meaning. */
export const quoted = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

/** The archive that brings the environment into a container, for its user alone. */
export function envArchive(env: Record<string, string>, user: { uid: number; gid: number }): Buffer {
  const body = Buffer.from(Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}\n`).join(''));
  return tar([
    { path: FOLDER, mode: 0o700, body: Buffer.alloc(0), folder: true, ...user },
    { path: ENV_FILE.slice(1), mode: 0o600, body, ...user },
  ]);
}
