import { parentPort, workerData } from 'node:worker_threads';
import { loadPlatforms, type LoadedPlatform } from '../../platforms/load.ts';
import type { PlatformAbout } from './platform-about.ts';

/** Loads the platforms in a thread that can be ended from outside, and tells what they are. */
const { extra, limitMs, leftOut } = workerData as { extra: string; limitMs: number; leftOut: [string, string][] };

const aboutOf = ({ id, ok, reason, platform, own }: LoadedPlatform): PlatformAbout => ({
  id, ok, reason, own, label: platform?.label ?? id, flows: (platform?.flows ?? []).map((f) => ({ id: f.id, label: f.label })),
  can: platform && { comments: platform.can.comments, messages: platform.can.messages, replyComment: platform.can.replyComment, replyMessage: platform.can.replyMessage, maxLength: platform.can.maxLength, verifyReliable: platform.can.verifyReliable },
});

const list = await loadPlatforms(extra, { limitMs, leftOut: new Map(leftOut), next: (id) => parentPort!.postMessage({ next: id }) });
parentPort!.postMessage({ list: list.map(aboutOf) });
