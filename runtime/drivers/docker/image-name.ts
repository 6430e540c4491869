const HOST = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const DOMAIN = `(?:${HOST}(?:\\.${HOST})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?`;
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = `(?:${DOMAIN}/)?${PART}(?:/${PART})*`;
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}';
const REFERENCE = new RegExp(`^(?<name>${NAME})(?::${TAG})?(?:@${DIGEST})?$`);

/** Whether it follows the grammar of image references: `[registry/]name[:tag][@digest]`. */
export function isImageName(text: string): boolean {
  const name = text.length > 512 ? undefined : REFERENCE.exec(text)?.groups?.['name'];
  return name !== undefined && name.length <= 255;
}
