import { loadPlatforms } from '../../platforms/load.ts';
import { start } from '../../platforms/sandbox/replica.ts';
import { onReplica } from '../../runtime/platform-check/on-replica.ts';
import { platformCases } from '../contracts/platform.case.ts';

platformCases('sandbox', async () => onReplica((await loadPlatforms('')).find((p) => p.id === 'sandbox')!, await start()));
