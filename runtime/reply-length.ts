import { loadPlatforms } from '../platforms/load.ts';

/** How long a reply may be at all, in characters, where a platform says nothing. */
export const LONGEST_REPLY = 5000;

/** How many characters a platform takes in one reply; null for one that is not known here. */
export type LengthOf = (platform: string) => number | null;

/** What the platforms of this build say; until they are loaded nothing is known. */
export function platformLengths(): LengthOf {
  const known = new Map<string, number>();
  void loadPlatforms().then((list) => list.forEach((p) => p.platform && known.set(p.id, p.platform.can.maxLength)), () => undefined);
  return (platform) => known.get(platform) ?? null;
}

/** Characters as a reader counts them. */
export const lengthOf = (text: string): number => [...text].length;

/** The limit that counts for an account: its own, else the platform's. */
export const limitFor = (length: LengthOf, platform: string, own: number | null | undefined): number => Math.min(own ?? LONGEST_REPLY, length(platform) ?? LONGEST_REPLY, LONGEST_REPLY);
