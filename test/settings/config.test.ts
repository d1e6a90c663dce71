import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/settings/config';
import { configProblems } from '../helpers/config';

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mail-setup-config-'));
  writeFileSync(file('password'), 'from the file\n');
  writeFileSync(file('settings'), 'imap_port=99999\n');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const server = {
  VIRTUALMIN_URL: 'https://panel.example.com:10000',
  VIRTUALMIN_USER: 'api',
  VIRTUALMIN_PASSWORD: 'secret password',
};

test('without variables: the demo on loopback', () => {
  expect(readConfig({})).toMatchObject({
    listen: { kind: 'tcp', host: '127.0.0.1', port: 8025 },
    virtualmin: null,
    accessToken: null,
  });
});

test('a configured server', () => {
  expect(readConfig(server).virtualmin).toEqual({
    url: 'https://panel.example.com:10000',
    user: 'api',
    password: 'secret password',
    format: 'json',
    trust: { kind: 'system-roots' },
    timeout: 120_000,
  });
});

test('the password from a file, without its final line feed', () => {
  const { VIRTUALMIN_PASSWORD, ...rest } = server;
  expect(VIRTUALMIN_PASSWORD).toBeDefined();
  const config = readConfig({ ...rest, VIRTUALMIN_PASSWORD_FILE: file('password') });
  expect(config.virtualmin?.password).toBe('from the file');
});

describe('server address', () => {
  test.each([
    ['https://h.example:10000/', 'https://h.example:10000'],
    ['https://h.example/panel/', 'https://h.example/panel'],
    ['https://h.example:10000/virtual-server/remote.cgi', 'https://h.example:10000'],
    ['http://127.0.0.1:10000', 'http://127.0.0.1:10000'],
    ['http://[::1]:10000', 'http://[::1]:10000'],
  ])('%s', (given, url) => {
    expect(readConfig({ ...server, VIRTUALMIN_URL: given }).virtualmin?.url).toBe(url);
  });
});

test.each([
  ['colons', 'ab:'.repeat(31) + 'cd'],
  ['no colons', 'AB'.repeat(31) + 'CD'],
  ['a prefix', `SHA256:${'ab'.repeat(31)}cd`],
  ["OpenSSL's words", `sha256 Fingerprint=${'AB:'.repeat(31)}CD`],
  ["OpenSSL 1.1's words", `SHA256 Fingerprint=${'AB:'.repeat(31)}CD`],
  ['a line feed after it', `${'AB:'.repeat(31)}CD\n`],
  ["Windows' line end after it", `sha256 Fingerprint=${'AB:'.repeat(31)}CD\r\n`],
  ['spaces, as a browser shows it', `  ${'ab '.repeat(31)}cd `],
  ['a line break inside', `${'AB:'.repeat(16)}\n${'AB:'.repeat(15)}CD`],
  ['quotes', `"${'AB:'.repeat(31)}CD"`],
])('fingerprint with %s', (_what, given) => {
  expect(readConfig({ ...server, VIRTUALMIN_FINGERPRINT: given }).virtualmin?.trust).toEqual({
    kind: 'fingerprint',
    sha256: 'AB:'.repeat(31) + 'CD',
    source: 'VIRTUALMIN_FINGERPRINT',
  });
});

test('white space around a value is not a part of it, except in a password', () => {
  const config = readConfig({
    VIRTUALMIN_URL: ' https://h.example:10000\n',
    VIRTUALMIN_USER: 'api\r\n',
    VIRTUALMIN_PASSWORD: ' pass word ',
    VIRTUALMIN_FORMAT: 'xml ',
    PORT: '8026\n',
    ACCESS_TOKEN: ' \n',
  });
  expect(config.virtualmin).toMatchObject({
    url: 'https://h.example:10000',
    user: 'api',
    password: ' pass word ',
    format: 'xml',
  });
  expect(config.listen).toMatchObject({ port: 8026 });
  expect(config.accessToken).toBeNull();
});

describe('configuration errors that name their variable', () => {
  test.each([
    [
      'an invalid address',
      { ...server, VIRTUALMIN_URL: 'panel' },
      'VIRTUALMIN_URL must be a web address',
    ],
    [
      'a password without encryption',
      { ...server, VIRTUALMIN_URL: 'http://panel.example.com' },
      'VIRTUALMIN_URL must begin with https',
    ],
    [
      'another protocol',
      { ...server, VIRTUALMIN_URL: 'ftp://panel.example.com' },
      'VIRTUALMIN_URL must begin with https',
    ],
    [
      'a password in the address',
      { ...server, VIRTUALMIN_URL: 'https://a:b@panel.example.com' },
      'VIRTUALMIN_URL must not hold a user name or password',
    ],
    [
      'no user',
      { VIRTUALMIN_URL: server.VIRTUALMIN_URL, VIRTUALMIN_PASSWORD: 'x' },
      'VIRTUALMIN_USER is missing',
    ],
    [
      'no password',
      { VIRTUALMIN_URL: server.VIRTUALMIN_URL, VIRTUALMIN_USER: 'x' },
      'VIRTUALMIN_PASSWORD is missing',
    ],
    [
      'a file that is not there',
      { ...server, VIRTUALMIN_CA_FILE: '/nonexistent' },
      'VIRTUALMIN_CA_FILE names a file that cannot be read: /nonexistent (ENOENT)',
    ],
    [
      'an unknown format',
      { ...server, VIRTUALMIN_FORMAT: 'yaml' },
      'VIRTUALMIN_FORMAT must be json or xml',
    ],
    [
      'half a fingerprint',
      { ...server, VIRTUALMIN_FINGERPRINT: 'AB:CD' },
      'VIRTUALMIN_FINGERPRINT must be a SHA-256 fingerprint',
    ],
    [
      'the fingerprint of SHA-1',
      { ...server, VIRTUALMIN_FINGERPRINT: `SHA1 Fingerprint=${'AB:'.repeat(19)}CD` },
      'VIRTUALMIN_FINGERPRINT must be the SHA-256 fingerprint, and this is the SHA-1 one: openssl',
    ],
    [
      'words around a fingerprint',
      { ...server, VIRTUALMIN_FINGERPRINT: `the fingerprint ${'AB:'.repeat(31)}CD` },
      'VIRTUALMIN_FINGERPRINT must be a SHA-256 fingerprint',
    ],
    [
      'a time limit of zero',
      { ...server, VIRTUALMIN_TIMEOUT: '0' },
      'VIRTUALMIN_TIMEOUT must be a whole number',
    ],
    [
      'a misspelt name',
      { ...server, VIRTUALMIN_FINGERPINT: 'AB' },
      'VIRTUALMIN_FINGERPINT is unknown',
    ],
    [
      'a user without an address',
      { VIRTUALMIN_USER: 'api' },
      'VIRTUALMIN_USER is set but VIRTUALMIN_URL is not',
    ],
    [
      'an address reachable from other hosts',
      { HOST: '0.0.0.0' },
      'HOST is 0.0.0.0, which other machines can reach',
    ],
    ['a name reachable from other hosts', { HOST: 'panel.example.com' }, 'ALLOW_REMOTE=1'],
    ['an invalid port', { PORT: '-1' }, 'PORT must be a whole number'],
    ['a token that is easy to guess', { ACCESS_TOKEN: 'secret' }, 'ACCESS_TOKEN must be 16 to 256'],
    ['an invalid log level', { LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be'],
  ])('%s', (_what, env, message) => {
    expect(configProblems(env)).toEqual([expect.stringContaining(message)]);
  });

  test('an invalid value in the settings file', () => {
    expect(configProblems({ MAIL_SETUP_CONFIG: file('settings') })).toEqual([
      `MAIL_SETUP_CONFIG: ${file('settings')}, line 1: imap_port must be a port from 1 to 65535, or off`,
    ]);
  });

  test('all errors are reported together, without any secret', () => {
    const env = { ...server, VIRTUALMIN_FORMAT: 'x', PORT: 'x', ACCESS_TOKEN: 'tiny secret' };
    const problems = configProblems(env);
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).not.toMatch(/tiny secret|secret password/);
  });
});

test('an address reachable from other hosts is accepted if explicitly allowed', () => {
  expect(readConfig({ HOST: '0.0.0.0', ALLOW_REMOTE: '1' }).listen).toMatchObject({
    host: '0.0.0.0',
  });
});

test('a socket replaces the port', () => {
  expect(readConfig({ SOCKET_PATH: '/run/x.sock' }).listen).toEqual({
    kind: 'socket',
    path: '/run/x.sock',
  });
});

describe('the folder for brandings', () => {
  test('is not created by reading the configuration', () => {
    const path = join(folder, 'made', 'later');
    expect(readConfig({ BRANDING_DIR: path }).brandingFolder).toBe(path);
    expect(existsSync(join(folder, 'made'))).toBe(false);
  });

  test.each([
    ['is a file', 'password', 'ENOTDIR'],
    ['is below a file', join('password', 'x'), 'ENOTDIR'],
  ])('is refused if it %s', (_what, name, code) => {
    expect(configProblems({ BRANDING_DIR: file(name) })).toEqual([
      `BRANDING_DIR names a folder that cannot be written to: ${file(name)} (${code})`,
    ]);
  });
});
