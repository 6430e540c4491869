import { loadPlatforms } from '../../platforms/load.ts';
import { onReplica } from '../../runtime/platform-check/on-replica.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { start } from './douyin-replica.ts';

platformCases('douyin', async () => onReplica((await loadPlatforms('')).find((p) => p.id === 'douyin')!, await start()));
