import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { PNG } from 'pngjs';
import { makeChain } from '../helpers/certificates';
import { startMailServer } from '../helpers/mail-server';
import {
  addressIn,
  bundle,
  nodeOfVersion,
  startBundle,
  type RunningServer,
} from '../helpers/bundle';
import { jsonAnswer, startVirtualmin, userValues } from '../helpers/virtualmin';

let folder: string;
const started: RunningServer[] = [];

async function start(...args: Parameters<typeof startBundle>): Promise<RunningServer> {
  const server = await startBundle(...args);
  started.push(server);
  return server;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mail-setup-server-'));
});

/** Closed after each test, even if it fails. */
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  for (const { process, ended } of started.splice(0)) {
    process.kill('SIGKILL');
    await ended;
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the bundle runs on', () => {
  test.each(['18.19.0', '20.20.2', '22.23.3', '24.21.0'])(
    'Node.js %s',
    async (version) => {
      const { config, mails, close } = await startMailServer();
      closing.push(close);
      const signer = makeChain('P-256');
      closing.push(signer.remove);
      const { transport, from } = config;
      const settings = join(folder, 'settings');
      writeFileSync(settings, `mail_from=${from.address}\n`);
      const environment = {
        PROFILE_CERT_FILE: signer.certificate,
        PROFILE_KEY_FILE: signer.key,
        MAIL_SETUP_CONFIG: settings,
        IDLE_TIMEOUT: '900',
        MAIL_TRANSPORT: transport.kind === 'smtp' ? `smtp://127.0.0.1:${transport.port}` : '',
      };
      const { line, process, errors, ended } = await start(environment, nodeOfVersion(version));
      const { base, token } = addressIn(line);
      const headers = { Authorization: `Bearer ${token}` };
      // Waits for the answer longer than a first request does: four bundles start on a busy machine.
      const page = await fetch(`${base}/domains/example.com?wait=1`, { headers });
      expect([page.status, await page.text()]).toEqual([
        200,
        expect.stringContaining('bob.example'),
      ]);
      const csv = await fetch(`${base}/domains/example.com/mailboxes.csv`, { headers });
      expect(await csv.text()).toContain('bob.example');
      // Each of these loads a part of the bundle that is not loaded at the start.
      const mailbox = `${base}/domains/example.com/mailboxes/bob.example`;
      const form = new FormData();
      form.set('version', '');
      form.set('logo_file', new Blob([PNG.sync.write(new PNG({ width: 8, height: 8 }))]), 'x.png');
      const saved = await fetch(`${base}/branding`, {
        ...{ method: 'POST', headers, body: form, redirect: 'manual' },
      });
      expect(saved.status).toBe(303);
      const starts: Record<string, string> = {
        'autoconfig.xml': '<?xml',
        'autodiscover.xml': '<?xml',
        'qr.svg': '<svg',
        'qr.png': '\x89PNG',
        'sheet.pdf': '%PDF-1.7',
        'profile.mobileconfig': '\x30\x82',
        '../../logo': '\x89PNG',
        '../../sheets.zip': 'PK',
        '../../sheets.pdf': '%PDF-1.7',
        '../../sheets': '<!DOCTYPE html>',
      };
      for (const [file, magic] of Object.entries(starts)) {
        const response = await fetch(`${mailbox}/${file}`, { headers });
        const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
        expect([file, response.status, body.slice(0, magic.length)]).toEqual([file, 200, magic]);
      }
      const sent = await fetch(`${mailbox}/send`, {
        ...{ method: 'POST', headers, redirect: 'manual' },
        body: new URLSearchParams({ to: 'bob@home.example', subject: 'Settings', text: '' }),
      });
      expect([sent.status, mails.length]).toEqual([303, 1]);
      expect(errors()).not.toContain('Warning');

      process.kill('SIGTERM');
      expect(await ended).toBe(0);
    },
    180_000,
  );
});

describe('the start', () => {
  test('prints one line with the address and a new token each time', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    for (const { line } of [one, two]) {
      expect(line).toMatch(
        /^Mail Client Setup is at http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/,
      );
    }
    expect(addressIn(one.line).token).not.toBe(addressIn(two.line).token);
    const { base, token } = addressIn(one.line);
    expect((await fetch(base)).status).toBe(401);
    expect((await fetch(`${base}/?token=${token}`, { redirect: 'manual' })).status).toBe(303);
  });

  test('shows the demo where no server is configured', async () => {
    const { base, token } = addressIn((await start()).line);
    const page = await fetch(base, { headers: { Authorization: `Bearer ${token}` } });
    const text = await page.text();
    expect(text).toContain('This is demo data.');
    expect(text).toContain('big.example');
  });

  test('uses the configured server', async () => {
    const virtualmin = await startVirtualmin();
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, `${virtualmin.config().password}\n`);
    const settings = join(folder, 'settings');
    writeFileSync(settings, 'mail_host=mx.host.example\n');
    const { line } = await start({
      VIRTUALMIN_URL: virtualmin.url,
      VIRTUALMIN_USER: 'api',
      VIRTUALMIN_PASSWORD_FILE: passwordFile,
      VIRTUALMIN_FORMAT: 'xml',
      MAIL_SETUP_CONFIG: settings,
      ACCESS_TOKEN: 'a-token-of-our-own',
    });
    const { base, token } = addressIn(line);
    expect(token).toBe('a-token-of-our-own');
    const page = await fetch(`${base}/domains/example.com/mailboxes/bob.example/settings.json`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(await page.json()).toMatchObject({
      login: 'bob.example',
      incoming: [{ host: 'mx.host.example' }, {}, {}, {}],
    });
    expect(virtualmin.requests.every((query) => query.has('xml'))).toBe(true);
    virtualmin.close();
  });

  test('ends with a message if the configuration is invalid', async () => {
    await expect(startBundle({ HOST: '0.0.0.0' })).rejects.toThrow('ended with 1: HOST is 0.0.0.0');
    await expect(startBundle({ PORT: 'x', LOG_LEVEL: 'y' })).rejects.toThrow(
      /PORT must be.*\nLOG_LEVEL must be/,
    );
  });

  test('ends with a message if the port is in use', async () => {
    const { line } = await start();
    const { port } = new URL(addressIn(line).base);
    await expect(startBundle({ PORT: port })).rejects.toThrow(/Cannot start: .*EADDRINUSE/);
  });
});

describe('on a Unix socket, for the panel', () => {
  const viewer = {
    user: 'root',
    role: 'master-admin',
    domains: '*',
    may: ['see'],
    pages: '/x',
    assets: '/x',
    token: '0'.repeat(32),
  };
  const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64');
  const ofThePanel = {
    'Mail-Setup-Viewer': header(viewer),
    'Mail-Setup-Panel': header({ settings: '' }),
  };

  const get = (socketPath: string, headers: Record<string, string>, path = '/') =>
    new Promise<number | undefined>((resolve, reject) => {
      httpRequest({ socketPath, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('only its owner can open it, and a restart after a kill works', async () => {
    const path = join(folder, 'app.sock');
    const first = await start({ SOCKET_PATH: path });
    expect(first.line).toBe(`Mail Client Setup is at ${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await get(path, ofThePanel)).toBe(200);
    expect(await get(path, {})).toBe(403);
    expect(await get(path, { Authorization: 'Bearer anything' }, '/?token=anything')).toBe(403);
    first.process.kill('SIGKILL');
    await first.ended;
    await start({ SOCKET_PATH: path });
    expect(await get(path, ofThePanel)).toBe(200);
  });

  test('opened by systemd: the process ends by itself without requests', async () => {
    const path = join(folder, 'activated.sock');
    const activate = ['systemd-socket-activate', '-l', path, '-E', 'IDLE_TIMEOUT', '--'];
    const child = spawn(activate[0] ?? '', [...activate.slice(1), process.execPath, bundle], {
      env: { ...process.env, IDLE_TIMEOUT: '1', LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    while (!existsSync(path)) await setTimeoutPromise(20);
    expect(await get(path, ofThePanel)).toBe(200);
    expect(await get(path, ofThePanel)).toBe(200);
    expect((await ended)[0]).toBe(0);
  });

  test('a socket of another running server is left alone', async () => {
    const path = join(folder, 'taken.sock');
    const other = createServer().listen(path);
    await expect(startBundle({ SOCKET_PATH: path })).rejects.toThrow('EADDRINUSE');
    other.close();
  });

  test('a file with that path is left alone', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'data');
    await expect(startBundle({ SOCKET_PATH: path })).rejects.toThrow('EADDRINUSE');
    expect(statSync(path).size).toBe(4);
  });
});

test('SIGTERM: open requests finish, new ones are not accepted, the exit code is 0', async () => {
  const virtualmin = await startVirtualmin();
  const { user, password } = virtualmin.config();
  virtualmin.override = (query, response) => {
    if (query.get('program') === 'list-domains') return false;
    setTimeout(() => response.end(jsonAnswer(userValues())), 700);
    return true;
  };
  const { line, process, ended } = await start({
    VIRTUALMIN_URL: virtualmin.url,
    VIRTUALMIN_USER: user,
    VIRTUALMIN_PASSWORD: password,
  });
  const { base, token } = addressIn(line);
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(base, { headers });
  const open = fetch(`${base}/domains/example.com/mailboxes.json`, { headers });
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(fetch(base, { headers })).rejects.toThrow();
  expect(await (await open).json()).toMatchObject({ mailboxes: [{ login: 'bob.example' }] });
  expect(await ended).toBe(0);
  virtualmin.close();
});

describe('a malformed request is refused with a message', () => {
  let base: string;
  let headers: Record<string, string>;

  beforeEach(async () => {
    const address = addressIn((await start()).line);
    base = address.base;
    headers = { Authorization: `Bearer ${address.token}` };
  });

  afterEach(async () => {
    expect((await fetch(base, { headers })).status).toBe(200);
  });

  test.each([
    ['address', `/?q=${'x'.repeat(20_000)}`, {}],
    ['header', '/', { 'X-Long': 'x'.repeat(20_000) }],
  ])('%s too long', async (_what, path, more) => {
    const response = await fetch(base + path, { headers: { ...headers, ...more } });
    expect(response.status).toBe(431);
    expect(await response.text()).toContain('at most 16384 bytes');
  });

  test('not HTTP', async () => {
    const { port } = new URL(base);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    socket.write('HELLO\r\n\r\n');
    let answer = '';
    for await (const piece of socket) answer += String(piece);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*This is not an HTTP request\.\n$/);
  });
});
