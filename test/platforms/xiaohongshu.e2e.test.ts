import { loadPlatforms } from '../../platforms/load.ts';
import { onReplica } from '../../runtime/platform-check/on-replica.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { start } from './xiaohongshu-replica.ts';

platformCases('xiaohongshu', async () => onReplica((await loadPlatforms('')).find((p) => p.id === 'xiaohongshu')!, await start()));
