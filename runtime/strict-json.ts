/** Why a body is no JSON that we take; the message says where and what to do. */
export class BadJson extends Error {}

const DEPTH = 32;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** JSON.parse, but doubled keys, keys of the prototype, deep nesting and numbers that would change are refused. */
export function parseStrict(text: string): unknown {
  const source = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  checkShape(source);
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new BadJson(`the body is not JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

/** One pass over the tokens, so that nothing deep or doubled ever reaches the parser. */
function checkShape(s: string): void {
  const open: (Set<string> | null)[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|-?\d[\d.eE+-]*/g;
  let key: string | null = null;
  for (let m = tokens.exec(s); m; m = tokens.exec(s)) {
    const t = m[0];
    if (t === '{' || t === '[') {
      open.push(t === '{' ? new Set() : null);
      if (open.length > DEPTH) throw new BadJson(`the body is nested more than ${DEPTH} deep`);
      key = null;
    } else if (t === '}' || t === ']') {
      open.pop();
    } else if (t[0] === '"') {
      key = t;
    } else if (t === ':' && key !== null) {
      addKey(open.at(-1), key);
      key = null;
    } else if (/[\d-]/.test(t[0]!)) {
      const n = Number(t);
      if (!Number.isFinite(n) || (Number.isInteger(n) && !Number.isSafeInteger(n))) throw new BadJson(`the number ${t.slice(0, 30)} is out of range`);
    }
  }
}

function addKey(keys: Set<string> | null | undefined, raw: string): void {
  if (!keys) return;
  let name: string;
  try {
    name = JSON.parse(raw) as string;
  } catch {
    throw new BadJson('the body is not JSON: a key has a bad escape');
  }
  if (FORBIDDEN.has(name)) throw new BadJson(`the key ${name} is not allowed`);
  if (keys.has(name)) throw new BadJson(`the key ${name.slice(0, 60)} is given twice`);
  keys.add(name);
}
