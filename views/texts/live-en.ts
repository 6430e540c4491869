import type { liveZhCN } from './live-zh-cn.ts';

/** The same in English. */
export const liveEn: Record<keyof typeof liveZhCN, string> = {
  'live.title': 'Live: {name}',
  'live.head': 'live',
  'live.back-to': 'Back',
  'live.take': 'Take over',
  'live.end': 'Hand back',
  'live.read-only': 'Watching only: taking over needs the right “take over”',
  'live.free': 'Nobody has taken over; the picture is read-only',
  'live.mine': 'You have taken over: mouse, keys and touch go to the page; a minute without any hands it back',
  'live.theirs': '{name} has taken over',
  'live.task': '{name} works in this window',
  'live.gone': 'The window is closed',
  'live.ended': 'Your control has ended',
  'live.waiting': 'Waiting for a picture…',
  'live.back': 'Back',
  'live.forward': 'Forward',
  'live.reload': 'Load anew',
  'live.address': 'Address',
  'live.stage': 'The page',
  'live.picture': 'What the page shows now',
  'live.type': 'Text to type into the page',
  'live.send': 'Send',
  'live.open-login': 'Open the live view',
  'scope.control': 'take over',
};
