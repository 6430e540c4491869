/** What an earlier round has left, when it is of this shape; an older version's is none, and everything is read anew (the master keeps each once). */
export function readCursor<T extends object>(text: string | null, otherwise: T): T {
  if (text === null) return otherwise;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && Array.isArray(value) === Array.isArray(otherwise) ? (value as T) : otherwise;
  } catch {
    return otherwise;
  }
}
