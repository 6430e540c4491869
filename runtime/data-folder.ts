import { accessSync, constants, statSync } from 'node:fs';
import { ConfigError, type Config } from './config.ts';

/** The same configuration, if its data folder is not there yet or is this user's to use. Throws ConfigError that names the folder. */
export function withUsableFolder(config: Config): Config {
  const refuse = (why: string) => new ConfigError([`the data folder ${config.dataDir} ${why}, or set TROUPE_DATA to another`]);
  try {
    if (!statSync(config.dataDir).isDirectory()) throw refuse('is a file: move it away');
    accessSync(config.dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return config;
    if (code === 'ENOTDIR') throw refuse('lies below a file: move that away');
    if (code === 'EACCES' || code === 'EPERM') throw refuse('may not be read and written by this user: give it to the user that runs Troupe (chown)');
    if (code === 'EROFS') throw refuse('is on a file system that may only be read: mount it for writing');
    throw error;
  }
  return config;
}
