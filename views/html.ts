import initSsr from 'uhtml/ssr';

/** A piece of a page, escaped when it is rendered. */
export type Html = { readonly html: unique symbol };
/** What may stand in a template: nothing for null, undefined and booleans, text for the rest. */
export type Value = Html | string | number | bigint | boolean | null | undefined | readonly Value[];

type Tag = (strings: TemplateStringsArray, ...values: unknown[]) => Hole;
type Hole = { toDOM(): { valueOf(): { toString(): string } } };
type Place = 'text' | 'attribute' | 'boolean' | 'url' | 'plain';

const ssr = initSsr() as unknown as { html: Tag; svg: Tag; Hole: new (...a: never[]) => Hole };
const places = new WeakMap<TemplateStringsArray, Place[]>();
const URLS = new Set(['href', 'src', 'action', 'formaction', 'xlink:href', 'hx-get', 'hx-post', 'hx-put', 'hx-delete']);

/** A template of HTML. Attributes are whole holes (`class=${…}`); holes in scripts, styles and handlers are refused. */
export const html = (strings: TemplateStringsArray, ...values: Value[]): Html => build(ssr.html, strings, values);
/** The same for the inside of an `<svg>`. */
export const svg = (strings: TemplateStringsArray, ...values: Value[]): Html => build(ssr.svg, strings, values);

/** The text of a piece. */
export const render = (piece: Html): string => (piece as unknown as Hole).toDOM().valueOf().toString().replaceAll(SPACE, ' ');
/** A whole document: the doctype is put back, uhtml drops it. */
export const renderDocument = (page: Html): string => `<!doctype html>\n${render(page)}`;

function build(tag: Tag, strings: TemplateStringsArray, values: Value[]): Html {
  let at = places.get(strings);
  if (!at) places.set(strings, (at = findPlaces(strings)));
  const fitted = values.map((v, i) => fit(v, at[i]!));
  return tag(variant(strings, fitted), ...fitted) as unknown as Html;
}

// uhtml cuts the space off at both ends of a template, and glues what stands beside it.
const SPACE = '&#32;';
const keepEnds = (parts: string[]): string[] => parts.map((part, i) => {
  const kept = i === 0 ? part.replace(/^ +(?!\s)/, SPACE) : part;
  return i === parts.length - 1 ? kept.replace(/(?<!\s) +$/, SPACE) : kept;
});

const variants = new WeakMap<TemplateStringsArray, Map<string, TemplateStringsArray>>();

/** uhtml fixes what a hole holds (pieces, or text) by the first value it ever sees there: each mixture gets a template of its own. */
function variant(strings: TemplateStringsArray, values: unknown[]): TemplateStringsArray {
  const kinds = values.map((v) => (Array.isArray(v) ? 'p' : 't')).join('');
  let known = variants.get(strings);
  if (!known) variants.set(strings, (known = new Map()));
  let own = known.get(kinds);
  if (!own) known.set(kinds, (own = Object.assign(keepEnds([...strings]), { raw: strings.raw })));
  return own;
}

function fit(value: Value, place: Place): unknown {
  switch (place) {
    case 'boolean':
      return Boolean(value);
    case 'attribute':
      return value == null || value === false ? null : value === true ? '' : clean(String(value));
    case 'url':
      return value == null || value === false ? null : safeUrl(String(value));
    case 'plain':
      // uhtml does not escape inside <title> and <textarea>.
      return value == null || typeof value === 'boolean' ? '' : escape(clean(String(value)));
    case 'text':
      return inText(value);
  }
}

/** Pieces as a list, text as a string, and nothing else. */
function inText(value: Value): unknown[] | string {
  if (value == null || typeof value === 'boolean') return [];
  if (value instanceof ssr.Hole) return [value];
  if (!Array.isArray(value)) return clean(String(value));
  return value.flat(9).filter((v) => v != null && typeof v !== 'boolean').map((v) => (v instanceof ssr.Hole ? v : ssr.html`${clean(String(v))}`));
}

// NUL and lone surrogates can't be written in HTML.
const clean = (text: string) => text.replaceAll('\0', '\uFFFD').toWellFormed();
const escape = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Only our own paths, web addresses and pictures: anything else becomes `#`. */
function safeUrl(url: string): string {
  const bare = url.replace(/[\u0000-\u0020\u007f-\u00a0]/g, '');
  return /^(?:[/?#](?![/\\])|https?:\/\/|data:image\/(?:png|jpeg);base64,)/i.test(bare) ? clean(url) : '#';
}

function findPlaces(strings: TemplateStringsArray): Place[] {
  const found: Place[] = [];
  let before = '';
  for (const [i, part] of strings.slice(0, -1).entries()) {
    before += part;
    const place = placeAfter(before);
    // uhtml fails on these with a message that names nothing.
    if (place === 'plain' && !(before.endsWith('>') && strings[i + 1]!.startsWith('</'))) throw new Error('a <title> or <textarea> holds one hole and nothing else');
    found.push(place);
    before += 'x';
  }
  return found;
}

function placeAfter(before: string): Place {
  const plain = /<(textarea|title|script|style)\b[^>]*>(?:(?!<\/\1)[\s\S])*$/i.exec(before);
  if (plain) {
    if (/script|style/i.test(plain[1]!)) throw new Error(`a template has a hole inside <${plain[1]}>: put the value in a data- attribute`);
    return 'plain';
  }
  const attribute = /<[a-z][^<>]*\s([^\s=<>"']+)=(["']?)$/i.exec(before);
  if (!attribute) return 'text';
  const name = attribute[1]!.toLowerCase();
  if (name.startsWith('on') || name.startsWith('@') || name.startsWith('.') || name.startsWith('hx-on') || name === 'style') {
    throw new Error(`a template has a hole in the attribute ${name}: handlers and styles are written out, never filled in`);
  }
  return name.startsWith('?') ? 'boolean' : URLS.has(name) ? 'url' : 'attribute';
}
