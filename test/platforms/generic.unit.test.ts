import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadPlatforms } from '../../platforms/load.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'platforms-'));
  cpSync(join(import.meta.dirname, 'sites/forum'), join(root, 'forum'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

type Json = Record<string, any>;
const change = (mend: (config: Json) => void) => {
  const path = join(root, 'forum/config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Json;
  mend(config);
  writeFileSync(path, JSON.stringify(config));
};
const forum = async () => (await loadPlatforms(root)).find((p) => p.id === 'forum')!;

test('a folder with a config.json alone is a platform that can what its addresses say', async () => {
  const { ok, reason, platform } = await forum();
  expect([ok, reason]).toEqual([true, null]);
  expect(platform).toMatchObject({ id: 'forum', label: 'The forum', can: { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 2000, verifyReliable: true } });
  expect(platform!.flows.map((f) => f.id)).toEqual(['password', 'cookies']);
  change((c) => {
    delete c['urls'].messages;
    delete c['urls'].comment;
  });
  expect((await forum()).platform!.can).toMatchObject({ comments: true, messages: false, replyComment: false, replyMessage: false });
});

test.each<[string, (c: Json) => void, string]>([
  ['a selector that a method needs', (c) => delete c['selectors'].loginSubmit, 'selectors.loginSubmit: is missing: the method password needs it'],
  ['a selector that an address needs', (c) => delete c['selectors'].ownReply, 'selectors.ownReply: is missing: urls.comment needs it'],
  ['a name that nobody knows', (c) => (c['selectors'].comentItem = ['x']), 'selectors: Unrecognized key: "comentItem"'],
  ['an address without a site', (c) => (c['urls'].base = 'forum.example'), 'urls.base: must be an http or https address'],
  ['a pattern', (c) => (c['ids'].comment = '(['), 'ids.comment: is no regular expression'],
  ['an empty list', (c) => (c['selectors'].userName = []), 'selectors.userName: Too small'],
  ['a method', (c) => (c['methods'] = ['telepathy']), 'methods.0: Invalid option'],
  ['nothing to read', (c) => (c['urls'] = { base: 'https://forum.example', login: '/', home: '/' }), 'urls: give comments or messages'],
  ['another base', (c) => (c['extends'] = 'sandbox'), 'extends: must be "generic", not "sandbox"'],
])('the reason names the field: %s', async (_, mend, reason) => {
  change(mend);
  expect((await forum()).reason).toContain(`config.json: ${reason}`);
});

test('a module beside `extends` is refused: it would never run', async () => {
  writeFileSync(join(root, 'forum/platform.js'), 'export const create = () => null;');
  expect((await forum()).reason).toContain('extends: the folder has a module of its own (platform.js)');
});
