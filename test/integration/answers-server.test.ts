import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { snapshotText } from '../../src/answers/snapshot';
import { autodiscoverRequest } from '../../src/discovery/autodiscover';
import { decideServices } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import {
  addressIn,
  answersBundle,
  nodeOfVersion,
  startBundle,
  type RunningServer,
} from '../helpers/bundle';

let folder: string;
const started: RunningServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mail-setup-answers-'));
  mkdirSync(join(folder, 'state'));
  const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
  const domain = {
    ...({ answers: 'login', incoming, outgoing, aliasOf: null } as const),
    styles: [{ before: '', after: '.example', mailboxes: 1 }],
    logins: { bob: 'bob.example' },
  };
  writeFileSync(join(folder, 'snapshot.json'), snapshotText(Date.now(), { 'example.com': domain }));
});

afterEach(async () => {
  for (const { process, ended } of started.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

async function start(env: Readonly<Record<string, string>> = {}, node = process.execPath) {
  const environment = {
    SNAPSHOT_FILE: join(folder, 'snapshot.json'),
    STATE_DIRECTORY: join(folder, 'state'),
    ...env,
  };
  const server = await startBundle(environment, node, answersBundle);
  started.push(server);
  return { ...server, ...addressIn(server.line) };
}

const question = (address: string) =>
  `/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(address)}`;

const loginIn = (document: string) => /<username>(.*?)<\/username>/.exec(document)?.[1];

async function login(base: string, address: string): Promise<string | undefined> {
  return loginIn(await (await fetch(base + question(address))).text());
}

describe('the bundle runs on', () => {
  test.each(['18.19.0', '20.20.2', '22.23.3', '24.21.0'])(
    'Node.js %s',
    async (version) => {
      const { base, errors, process, ended } = await start({}, nodeOfVersion(version));
      expect(await login(base, 'bob@example.com')).toBe('bob.example');
      const posted = await fetch(`${base}/autodiscover/autodiscover.xml`, {
        method: 'POST',
        body: autodiscoverRequest('bob@example.com'),
      });
      expect(await posted.text()).toContain('<LoginName>bob.example</LoginName>');
      expect(errors()).not.toContain('Warning');
      process.kill('SIGTERM');
      expect(await ended).toBe(0);
    },
    60_000,
  );
});

test('the answers for addresses that do not exist stay the same over a restart, and differ on another host', async () => {
  const addresses = Array.from({ length: 40 }, (_, index) => `nobody${index}@example.com`);
  const snapshot = join(folder, 'snapshot.json');
  const styles =
    '[{"before":"","after":".a","mailboxes":1},{"before":"a.","after":"","mailboxes":1}]';
  writeFileSync(
    snapshot,
    readFileSync(snapshot, 'utf8').replace(/"styles":\[.*?\]/, `"styles":${styles}`),
  );
  const all = async (base: string) => Promise.all(addresses.map((one) => login(base, one)));
  const first = await all((await start()).base);
  expect(await all((await start()).base)).toEqual(first);
  const other = join(folder, 'other');
  mkdirSync(other);
  expect(await all((await start({ STATE_DIRECTORY: other })).base)).not.toEqual(first);
  expect(statSync(join(other, 'key')).mode & 0o777).toBe(0o600);
});

test.each([
  ['a variable with a mistake', { LIMIT_IN_ALL: 'x' }, 'LIMIT_IN_ALL must be a whole number'],
  ['a folder that is not there', { STATE_DIRECTORY: '/nonexistent' }, 'Cannot start: ENOENT'],
])('%s stops the start', async (_what, env, message) => {
  await expect(start(env)).rejects.toThrow(message);
});

test('a damaged key stops the start', async () => {
  writeFileSync(join(folder, 'state', 'key'), 'short');
  await expect(start()).rejects.toThrow('is damaged: delete it');
});

/** Sends bytes, and returns what comes back until the server ends the connection. */
async function send(base: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  socket.write(bytes);
  socket.setTimeout(20_000, () => socket.destroy());
  return text(socket).catch(() => 'reset');
}

describe('hostile requests', () => {
  const head = (first: string, ...lines: readonly string[]) =>
    [first, 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n');

  test.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['a path outside', head('GET /../../etc/passwd HTTP/1.1'), /^HTTP\/1\.1 404 /],
    ['an encoded path outside', head('GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1'), /^HTTP\/1\.1 404 /],
    ['a path that cannot be decoded', head('GET /%ff HTTP/1.1'), /^HTTP\/1\.1 40[04] /],
    [
      'a whole address as the path',
      head('GET http://evil.example/mail HTTP/1.1'),
      /^HTTP\/1\.1 404 /,
    ],
    [
      'a host of others',
      head('GET /mail/config-v1.1.xml?emailaddress=bob@example.com HTTP/1.1').replace(
        'Host: x',
        'Host: evil.example',
      ),
      /^HTTP\/1\.1 200 /,
    ],
    [
      'headers that are too large',
      head('GET / HTTP/1.1', `X: ${'x'.repeat(20_000)}`),
      /^HTTP\/1\.1 431 /,
    ],
    [
      'a query that is too long',
      head(`GET /mail/config-v1.1.xml?emailaddress=${'x'.repeat(20_000)} HTTP/1.1`),
      /^HTTP\/1\.1 431 /,
    ],
    [
      'two lengths',
      head(
        'POST /autodiscover/autodiscover.xml HTTP/1.1',
        'Content-Length: 1',
        'Content-Length: 2',
      ),
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      head(
        'POST /autodiscover/autodiscover.xml HTTP/1.1',
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
      ),
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a body that is too large',
      `${head('POST /autodiscover/autodiscover.xml HTTP/1.1', 'Content-Length: 10000000')}${'x'.repeat(10_000_000)}`,
      /^HTTP\/1\.1 413 /,
    ],
    [
      'an unknown encoding',
      `${head('POST /autodiscover/autodiscover.xml HTTP/1.1', 'Content-Encoding: x', 'Content-Length: 1')}x`,
      /^HTTP\/1\.1 415 /,
    ],
    ['a zero byte', head('GET /\0 HTTP/1.1'), /^HTTP\/1\.1 400 /],
  ])('%s', async (_what, bytes, expected) => {
    const { base } = await start();
    const answer = await send(base, bytes);
    expect(answer).toMatch(expected);
    expect(answer).not.toMatch(/evil|root:|at \w+ \(|node_modules/);
    expect(await login(base, 'bob@example.com')).toBe('bob.example');
  });

  test('elements in elements, and entities in entities', async () => {
    const { base } = await start();
    const nested = `<a>`.repeat(5_000);
    const laughs = `<!DOCTYPE x [<!ENTITY a "${'x'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(100)}"><!ENTITY c "${'&b;'.repeat(100)}">]><Autodiscover>&c;</Autodiscover>`;
    for (const body of [nested, laughs, `${nested}${'</a>'.repeat(200)}`]) {
      const posted = await fetch(`${base}/autodiscover/autodiscover.xml`, { method: 'POST', body });
      expect([posted.status, await posted.text()]).toEqual([200, expect.stringContaining('>600<')]);
    }
    expect(await login(base, 'bob@example.com')).toBe('bob.example');
  });

  test('a request that does not end is ended', async () => {
    const { base } = await start();
    const began = Date.now();
    expect(await send(base, 'GET / HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
    // The limit, and time for a busy machine; without it this takes 35 s.
    expect(Date.now() - began).toBeLessThan(18_000);
  }, 40_000);

  test('connections that send nothing do not keep others out', async () => {
    const { base } = await start();
    const port = Number(new URL(base).port);
    const silent = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
    expect(await login(base, 'bob@example.com')).toBe('bob.example');
    for (const socket of silent) socket.destroy();
  });
});
