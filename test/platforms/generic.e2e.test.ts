import { join } from 'node:path';
import { loadExtra } from '../../platforms/load.ts';
import { onReplica } from '../../runtime/platform-check/on-replica.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { start } from './forum-replica.ts';

// One folder with a config.json and nothing else.
platformCases('forum, by configuration alone', async () => onReplica(await loadExtra(join(packageRoot(), 'test/platforms/sites'), 'forum'), await start()));
