/** What a verb's output goes to. `columns` is null where it is no terminal: then nothing is cut. */
export type Screen = { columns: number | null; colour: boolean; /** A line with our own colours; what else is in it must be harmless already. */ line(text: string): void };

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'dim' | 'bold';
const CODES: Record<Tone, string> = { good: '32', bad: '31', warn: '33', busy: '36', dim: '2', bold: '1' };

/** Colours only for a terminal that has some, and never against NO_COLOR. */
export function screenOf(stream: { isTTY?: boolean; columns?: number; write(text: string): unknown }, env: Record<string, string | undefined>): Screen {
  const terminal = stream.isTTY === true;
  return {
    columns: terminal ? Math.max(20, stream.columns || 80) : null,
    colour: terminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    line: (text) => void stream.write(`${text}\n`),
  };
}

export const paint = (screen: Pick<Screen, 'colour'>, tone: Tone | null, text: string): string => (screen.colour && tone && text !== '' ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text);
