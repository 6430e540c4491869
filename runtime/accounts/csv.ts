/** A table that can't be read: `line` counts from 1. */
export class CsvFault extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.name = 'CsvFault';
    this.line = line;
  }
}

/** The rows of a CSV text (RFC 4180; commas, or semicolons where the first line has only those), each with the line that it begins on. Empty lines are left out. */
export function parseCsv(text: string): { line: number; cells: string[] }[] {
  const body = text.replace(/^\uFEFF/, '');
  const first = body.slice(0, body.search(/[\r\n]|$/));
  const comma = !first.includes(',') && first.includes(';') ? ';' : ',';
  const rows: { line: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let cell = '';
  let line = 1;
  let began = 1;
  let quoted = false;
  let wasQuoted = false;
  const endCell = () => {
    cells.push(wasQuoted ? cell : cell.trim());
    cell = '';
    wasQuoted = false;
  };
  const endRow = () => {
    endCell();
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: began, cells });
    cells = [];
    began = line;
  };
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!;
    if (c === '\n') line++;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (body[i + 1] === '"') cell += body[++i]!;
      else quoted = false;
    } else if (c === '"' && cell.trim() === '' && !wasQuoted) {
      cell = '';
      quoted = wasQuoted = true;
    } else if (c === comma) endCell();
    else if (c === '\n') endRow();
    else if (c === '\r') continue;
    else if (wasQuoted && c.trim() !== '') throw new CsvFault(line, 'there is text behind a closing quote: double the quotes inside a field');
    else if (!wasQuoted) cell += c;
  }
  if (quoted) throw new CsvFault(began, 'a quote is opened and never closed');
  endRow();
  return rows;
}

/** Text that a spreadsheet would take for a formula gets an apostrophe in front. */
export const cellOf = (value: string | number | boolean | null): string => {
  const text = value === null ? '' : String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",;\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
/** The same back. */
export const textOf = (cell: string): string => (/^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell);

export const toCsv = (rows: (string | number | boolean | null)[][]): string => `${rows.map((r) => r.map(cellOf).join(',')).join('\r\n')}\r\n`;
