const WORD = /[\p{L}\p{N}]+/gu;
const MOST = 2_000;

/** Every pair of letters that stand beside each other, and the last one alone: what a search for one or two characters finds, which a trigram index can't. */
export function gramsOf(text: string): string {
  const grams = new Set<string>();
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    const letters = [...word];
    for (const [i, letter] of letters.entries()) {
      grams.add(letter + (letters[i + 1] ?? ''));
      if (grams.size >= MOST) return [...grams].join(' ');
    }
  }
  return [...grams].join(' ');
}

/** The question that one or two letters put to that index; null where they are none. */
export function gramQuery(search: string): string | null {
  const letters = [...search.trim().toLowerCase()];
  if (letters.length === 0 || letters.length > 2 || !letters.every((l) => /[\p{L}\p{N}]/u.test(l))) return null;
  return letters.length === 2 ? `"${letters.join('')}"` : `"${letters[0]}"*`;
}
