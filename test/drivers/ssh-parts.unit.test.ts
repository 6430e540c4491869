import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { findFrame } from '../../runtime/drivers/ssh/frame.ts';
import { COMMAND, LOADER } from '../../runtime/drivers/ssh/remote.ts';
import { SshDriver } from '../../runtime/drivers/ssh/ssh-driver.ts';
import { authId, checkTarget, fingerprintOf, hostPort, type SshTarget } from '../../runtime/drivers/ssh/target.ts';
import { tar } from '../../runtime/drivers/tar.ts';

const target = (more: Partial<SshTarget> = {}): SshTarget => ({ host: 'machine.example.com', port: 22, user: 'troupe', auth: { password: 'x' }, ...more });

describe('an SSH target', () => {
  it('takes names and addresses', () => {
    for (const host of ['a', 'localhost', 'machine-1.example.com', 'machine.example.com.', '10.0.0.1', '::1', '2001:db8::7', 'xn--bcher-kva.example']) expect(() => checkTarget(target({ host })), host).not.toThrow();
    for (const user of ['root', 'deploy_1', 'a.b-c', '_svc', 'machine$']) expect(() => checkTarget(target({ user })), user).not.toThrow();
  });

  it('refuses options, commands and whatever else is no name, naming the field', () => {
    for (const host of ['-oProxyCommand=touch x', 'host;rm', 'user@host', 'host:22', '', ' ', 'a b', 'a\nb', 'a..b', '-a', 'a-', '[::1]', '::1%eth0;x', 'a'.repeat(254), 'ho/st', '$(id)', 'bücher']) expect(() => checkTarget(target({ host })), host).toThrow(/ssh_host/);
    for (const user of ['a@b', '-l', '', 'a b', 'root;id', 'a'.repeat(40), '$(id)', '../x', '1a']) expect(() => checkTarget(target({ user })), user).toThrow(/ssh_user/);
    for (const port of [0, -1, 65536, 1.5, NaN, '22' as unknown as number]) expect(() => checkTarget(target({ port })), String(port)).toThrow(/ssh_port/);
    expect(() => checkTarget(target({ auth: { password: '' } }))).toThrow(/ssh_password is empty/);
  });

  it('takes the text of a private key, and no path', () => {
    const { private: open, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
    const { private: locked } = ssh2.utils.generateKeyPairSync('ed25519', { passphrase: 'right', cipher: 'aes256-ctr', rounds: 4 });
    expect(() => checkTarget(target({ auth: { privateKey: open } }))).not.toThrow();
    expect(() => checkTarget(target({ auth: { privateKey: locked, passphrase: 'right' } }))).not.toThrow();
    expect(() => checkTarget(target({ auth: { privateKey: locked } }))).toThrow(/encrypted: give its passphrase/);
    expect(() => checkTarget(target({ auth: { privateKey: locked, passphrase: 'wrong' } }))).toThrow(/passphrase/);
    for (const privateKey of ['/etc/shadow', '', 'root:*:19000:0:99999:7:::', '-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----']) expect(() => checkTarget(target({ auth: { privateKey } })), privateKey).toThrow(/not a private key/);
    expect(publicKey).toMatch(/^ssh-ed25519/);
  });

  it('refuses an install folder that is not one plain absolute path', () => {
    const hostKeys = { pinned: async () => null, offered: () => {} };
    for (const installDir of ['', 'relative', '/a/../b', '~/x', '/a\nb', '/a\0b', '/a//b']) expect(() => new SshDriver({ ...target(), hostKeys, installDir }), installDir).toThrow(/installDir/);
  });

  it('is named with its port, IPv6 in brackets', () => {
    expect(hostPort({ host: '::1', port: 2222 })).toBe('[::1]:2222');
    expect(hostPort({ host: 'a', port: 22 })).toBe('a:22');
  });

  it('tells credentials apart without telling them', () => {
    const ids = [authId({ password: 'a' }), authId({ password: 'b' }), authId({ privateKey: 'a' }), authId({ privateKey: 'a', passphrase: 'b' })];
    expect(new Set(ids).size).toBe(4);
    expect(authId({ password: 'a' })).toBe(ids[0]);
    expect(authId({ password: 'canary-77aa' })).not.toContain('canary');
  });

  it('prints fingerprints as ssh-keygen does', () => {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    const blob = Buffer.from(pair.public.split(' ')[1]!, 'base64');
    const fingerprint = fingerprintOf(blob);
    expect(fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    const keygen = spawnSync('ssh-keygen', ['-lf', '-'], { input: pair.public, encoding: 'utf8' });
    if (keygen.status === 0) expect(keygen.stdout.split(' ')[1]).toBe(fingerprint);
  });
});

describe('a framed answer', () => {
  it('is found in any noise around it, by its id alone', () => {
    const noise = fc.array(fc.oneof(fc.string(), fc.constantFrom('TROUPE{', 'TROUPE{}', 'TROUPE{"id":"b","ok":true,"value":1}', 'TROUPE{"id":"a","ok":1}', 'xTROUPE{"id":"a","ok":true,"value":2}', '\u001b[0m', '\0'))).map((parts) => parts.join('\n'));
    fc.assert(fc.property(noise, noise, fc.jsonValue(), (before, after, value) => {
      const kept = JSON.parse(JSON.stringify(value)) as unknown;
      expect(findFrame(`${before}\nTROUPE${JSON.stringify({ id: 'a', ok: true, value })}\n${after}`, 'a')).toEqual({ id: 'a', ok: true, value: kept });
    }), { numRuns: 300 });
    fc.assert(fc.property(noise, (text) => {
      expect(findFrame(text, 'none')).toBeNull();
    }));
  });

  it('may end in CR LF, and may be a refusal', () => {
    expect(findFrame('\r\nTROUPE{"id":"a","ok":false,"kind":"stuck","message":"m","details":{}}\r\n', 'a')).toMatchObject({ kind: 'stuck' });
    expect(findFrame('TROUPE{"id":"a","ok":true,"val', 'a')).toBeNull();
  });
});

describe('the command that every request runs', () => {
  it('is one constant that any login shell can take in', () => {
    expect(COMMAND.slice("/bin/sh -c '".length, -1)).not.toMatch(/['!`]|\$[({]|\n/);
    expect(LOADER).not.toMatch(/['$`\\!]/);
  });

  it('runs what comes by stdin, with the request as data', () => {
    const request = { id: 'i', text: `'"$(id)\`\\ \u2028 ünï` };
    for (const shell of ['/bin/sh', '/bin/bash']) {
      const run = spawnSync(shell, ['-c', COMMAND], { input: `console.log(JSON.stringify(request))\0${JSON.stringify(request)}`, encoding: 'utf8' });
      if (run.error) continue;
      expect(JSON.parse(run.stdout)).toEqual(request);
    }
  });

  it('stands alone in driver code: no other exec, no shell', () => {
    for (const name of ['remote', 'pool', 'ssh-driver', 'bootstrap']) {
      const text = readFileSync(join(import.meta.dirname, `../../runtime/drivers/ssh/${name}.ts`), 'utf8');
      expect(text.match(/\.exec\(|shell: true|child_process/g) ?? [], name).toEqual(name === 'remote' ? ['.exec('] : []);
    }
    expect(readFileSync(join(import.meta.dirname, '../../runtime/drivers/ssh/remote.cjs'), 'utf8')).not.toMatch(/shell|execSync|childProcess\.exec\b/);
  });
});

describe('an archive', () => {
  it('is read by tar: names, modes, owners, long paths; the same entries give the same bytes', () => {
    const dir = mkdtempSync(join(tmpdir(), 'troupe-tar-'));
    try {
      const long = `${'deep/'.repeat(25)}${'n'.repeat(60)}`;
      const entries = [
        { path: 'folder', mode: 0o700, body: Buffer.alloc(0), folder: true, uid: 10001, gid: 10001 },
        { path: 'folder/file', mode: 0o600, body: Buffer.from('x'.repeat(1000)), uid: 10001, gid: 10001 },
        { path: long, mode: 0o755, body: Buffer.alloc(512, 1) },
        { path: 'empty', mode: 0o644, body: Buffer.alloc(0) },
        { path: 'ünï', mode: 0o644, body: Buffer.from('ü') },
      ];
      const archive = tar(entries);
      expect(tar(entries).equals(archive)).toBe(true);
      const listed = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], { input: archive, encoding: 'utf8' });
      expect(listed).toMatch(/^drwx------ 10001\/10001/);
      expect(listed).toContain(long);
      execFileSync('tar', ['-xf', '-', '-C', dir, '--no-same-owner'], { input: archive });
      expect(readFileSync(join(dir, 'folder/file'), 'utf8')).toBe('x'.repeat(1000));
      expect(readFileSync(join(dir, long)).equals(Buffer.alloc(512, 1))).toBe(true);
      expect(() => tar([{ path: 'n'.repeat(200), mode: 0o644, body: Buffer.alloc(0) }])).toThrow(/too long/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
