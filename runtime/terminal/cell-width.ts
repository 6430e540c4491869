const WIDE = /[\u1100-\u115f\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const NONE = /^[\p{Mn}\p{Me}\u200b-\u200d\ufe00-\ufe0f]$/u;

const cells = (ch: string): number => (NONE.test(ch) ? 0 : WIDE.test(ch) ? 2 : 1);

/** Columns of a terminal that a text takes: wide characters two, marks that join the one before none. */
export const widthOf = (text: string): number => [...text].reduce((n, ch) => n + cells(ch), 0);

/** The text, or its beginning and `…`, in so many columns. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let left = width - 1;
  for (const ch of text) {
    left -= cells(ch);
    if (left < 0) break;
    kept += ch;
  }
  return width < 1 ? '' : `${kept}…`;
}
