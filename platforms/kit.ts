import { PlatformFault } from './contract.ts';
import { asFault } from './base/as-fault.ts';
import { checkSession } from './base/check-session.ts';
import { flowList, startFlow } from './base/creator-flows.ts';
import { creatorLogin } from './base/creator-login.ts';
import { extract } from './base/extract.ts';
import { fieldOf } from './base/fields.ts';
import { itemAt } from './base/item-at.ts';
import { locate, present, selectorsOf, timeoutOf, valueOf } from './base/locate.ts';
import { openList } from './base/open-list.ts';
import { shownTime } from './base/shown-time.ts';
import { noWall, visit } from './base/visit.ts';

/** What a platform outside of this tree is handed by `create(config, kit)`: it can't import it. */
export const kit = { PlatformFault, asFault, checkSession, creatorLogin, extract, fieldOf, flowList, itemAt, locate, noWall, openList, present, selectorsOf, shownTime, startFlow, timeoutOf, valueOf, visit } as const;
export type Kit = typeof kit;
