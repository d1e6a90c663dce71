import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { VirtualminConfig } from '../../src/virtualmin/client';
import { createVirtualminClient } from '../../src/virtualmin/client';
import { RemoteApiError, TlsNotVerifiableError } from '../../src/virtualmin/errors';
import { answers, startPlainMiniserv, type PageAnswer } from '../helpers/miniserv';
import {
  converted,
  jsonAnswer,
  recording,
  startVirtualmin,
  streamOf,
  userLines,
  userValues,
  type TestVirtualmin,
} from '../helpers/virtualmin';

let virtualmin: TestVirtualmin;

beforeEach(async () => {
  virtualmin = await startVirtualmin();
});

afterEach(() => {
  virtualmin.close();
});

function client(changes: Partial<VirtualminConfig> = {}, now?: () => number) {
  return createVirtualminClient(virtualmin.config(changes), now);
}

/** The error of a call that must fail; also checks that it does not contain the password. */
async function failureOf(call: Promise<unknown>): Promise<RemoteApiError> {
  const error: unknown = await call.then(
    (value) => new Error(`no failure but ${inspect(value)}`),
    (failure: unknown) => failure,
  );
  if (!(error instanceof RemoteApiError)) throw error;
  const { password } = virtualmin.config();
  const everything = inspect(error, { depth: 20, showHidden: true }) + String(error.stack);
  expect(everything).not.toContain(password);
  expect(everything).not.toContain(Buffer.from(`api:${password}`).toString('base64'));
  return error;
}

/** Answers every request the same way. */
function always(status: number, body: string | Buffer, headers: Record<string, string> = {}) {
  virtualmin.override = (_query, response) => {
    response.writeHead(status, headers).end(body);
  };
}

test.each([
  ['a warning of Perl', 'x at /usr/share/webmin/virtual-server/list-users.pl line 9.\n', true],
  ['what another program prints', 'doveadm: Error\n', false],
])('%s among the rows is an error with the command that prints it', async (_what, text, placed) => {
  const many = Array.from({ length: 60 }, () => userValues({ password: 'Plain S3cret' }));
  always(200, converted('list-users', streamOf(userLines(many, text))));
  const error = await failureOf(client().listUsers('example.com'));
  expect(error.code).toBe('mixed');
  expect(error.message).toBe(
    'list-users for example.com: warnings' +
      (placed ? ', the first from list-users.pl line 9,' : '') +
      " are among the rows of Virtualmin's answer and cut them, so nothing of it is shown. As root in a terminal of the server, " +
      '"virtualmin list-users --domain example.com --include-owner --multiline" prints them. Mend their cause.',
  );
});

describe('the request sent to Virtualmin', () => {
  test.each(['json', 'xml'] as const)('for the users of a domain, in %s', async (format) => {
    const users = await client({ format }).listUsers('example.com');
    expect(users.mailboxes).toHaveLength(5);
    expect(virtualmin.requests.map(String)).toEqual([
      `program=list-users&domain=example.com&include-owner=&multiline=&${format}=1`,
    ]);
  });

  test.each(['json', 'xml'] as const)('for the users of all domains, in %s', async (format) => {
    const all = await client({ format }).listAllUsers();
    expect(virtualmin.requests.map(String)).toEqual([
      `program=list-users&all-domains=&include-owner=&multiline=&${format}=1`,
    ]);
    for (const domain of ['example.com', 'dash.example', 'xn--mnchen-3ya.example']) {
      expect(all.get(domain)).toEqual(await client({ format }).listUsers(domain));
    }
    expect(all.get('nosuch.example')).toBeUndefined();
  });

  test.each(['json', 'xml'] as const)('for the virtual servers, in %s', async (format) => {
    const servers = await client({ format }).listDomains();
    expect(virtualmin.requests.map(String)).toEqual(
      ['name-only', 'multiline'].map((how) => `program=list-domains&${how}=&${format}=1`),
    );
    const byName = Object.fromEntries(servers.map((server) => [server.name, server]));
    expect(Object.keys(byName)).toHaveLength(10);
    expect(byName['example.net']).toMatchObject({
      relation: { kind: 'alias', of: 'example.com' },
      mail: true,
    });
    expect(byName['sub.example.com']).toMatchObject({
      relation: { kind: 'sub-server', parent: 'example.com' },
    });
    expect(byName['gone.example']).toMatchObject({ disabled: 'Manually (Unpaid invoice)' });
    expect(byName['nomail.example']).toMatchObject({ mail: false, disabled: null });
  });

  test('for hundreds of virtual servers omits the details, which take Virtualmin minutes', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `customer${index}.example`);
    const named = (names: readonly string[]) =>
      JSON.stringify({
        status: 'success',
        // Log lines of the server can stand between them.
        data: [
          { name: '[25/Nov/2026', value: '17:00:00] Failed to connect' },
          { name: 'Failed to open /etc/x : No such file', values: {} },
          ...names.map((name) => ({ name, values: {} })),
        ],
      });
    virtualmin.override = (query, response) => {
      if (query.has('with-feature')) response.end(named(many.filter((name) => name !== many[7])));
      else if (query.has('alias')) response.end(named([many[1] ?? '']));
      else if (query.has('subserver')) response.end(named(many.slice(1, 3)));
      else if (query.has('disabled')) response.end(named([many[3] ?? '']));
      else response.end(named(many));
    };
    const servers = await client().listDomains();
    const byName = Object.fromEntries(servers.map((server) => [server.name, server]));
    expect(servers).toHaveLength(300);
    expect(virtualmin.requests.map(String).sort()).toEqual(
      ['', 'alias=&', 'disabled=&', 'subserver=&', 'with-feature=mail&']
        .map((filter) => `program=list-domains&${filter}name-only=&json=1`)
        .sort(),
    );
    const first = { mail: true, disabled: null, relation: { kind: 'top-level' } };
    expect(byName['customer0.example']).toMatchObject({
      ...first,
      description: '',
      reseller: null,
    });
    expect(byName['customer1.example']).toMatchObject({ relation: { kind: 'alias', of: null } });
    expect(byName['customer2.example']).toMatchObject({
      relation: { kind: 'sub-server', parent: null },
    });
    expect(byName['customer3.example']).toMatchObject({ ...first, disabled: '' });
    expect(byName['customer7.example']).toMatchObject({ ...first, mail: false });
  });

  test.each(['json', 'xml'] as const)('for one virtual server, in %s', async (format) => {
    expect(await client({ format }).describeDomain('example.net')).toMatchObject({
      name: 'example.net',
      relation: { kind: 'alias', of: 'example.com' },
    });
    expect(virtualmin.requests.map(String)).toEqual([
      `program=list-domains&domain=example.net&multiline=&${format}=1`,
    ]);
    expect(await failureOf(client({ format }).describeDomain('nosuch.example'))).toMatchObject({
      code: 'no-such-domain',
    });
  });

  test('for a sub-server also gets the reseller of its parent', async () => {
    const answers: Record<string, object> = {
      'sub.example.com': { id: ['2'], parent_domain: ['example.com'], features: ['mail'] },
      'example.com': { id: ['1'], features: ['mail'], reseller: ['rita rob'] },
    };
    virtualmin.override = (query, response) => {
      const name = query.get('domain') ?? '';
      response.end(JSON.stringify({ status: 'success', data: [{ name, values: answers[name] }] }));
    };
    expect(await client().describeDomain('sub.example.com')).toMatchObject({
      reseller: 'rita',
      relation: { kind: 'sub-server', parent: 'example.com' },
    });
  });

  test('keeps a URL prefix', async () => {
    let path = '';
    virtualmin.override = (_query, response, request) => {
      path = request.url ?? '';
      response.end(jsonAnswer());
    };
    await client({ url: `${virtualmin.url}/panel` }).listUsers('example.com');
    expect(path).toMatch(/^\/panel\/virtual-server\/remote\.cgi\?/);
  });

  test('is one of at most two concurrent requests', async () => {
    let now = 0;
    let most = 0;
    virtualmin.override = (_query, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.end(jsonAnswer());
      }, 30);
    };
    const { listUsers } = client();
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => listUsers(`${name}.example`)));
    expect(most).toBe(2);
  });

  test('does not go through a proxy', async () => {
    process.env.http_proxy = 'http://127.0.0.1:1';
    try {
      await expect(client().listDomains()).resolves.toHaveLength(10);
    } finally {
      delete process.env.http_proxy;
    }
  });
});

describe('versions', () => {
  test('a field shows Virtualmin 7.30 or later, the Server header the version of Webmin', async () => {
    const { listUsers, versions } = client();
    expect(versions()).toEqual({ virtualmin: null, webmin: null });
    virtualmin.override = (_query, response) => {
      response.setHeader('Server', 'MiniServ/2.660').end(jsonAnswer(userValues()));
    };
    await listUsers('example.com');
    expect(versions()).toEqual({
      virtualmin: { when: 'since', version: '7.30' },
      webmin: '2.660',
    });
  });

  test('before 7.30 the field is missing, and mailboxes count as usable', async () => {
    const { no_password_accepted, ...older } = userValues();
    expect(no_password_accepted).toBe('No');
    always(200, jsonAnswer(older));
    const { listUsers, versions } = client();
    expect((await listUsers('example.com')).mailboxes[0]?.passwordAccepted).toBe(true);
    expect(versions().virtualmin).toEqual({ when: 'before', version: '7.30' });
  });
});

describe('an error of Virtualmin', () => {
  test.each([
    [
      'unknown domain',
      200,
      recording('error.no-such-domain.json'),
      'no-such-domain',
      'does not exist',
    ],
    [
      'unknown parameter',
      200,
      recording('error.unknown-parameter.json'),
      'command-failed',
      'Unknown parameter --frobnicate',
    ],
    [
      'unknown program',
      200,
      recording('error.no-such-program.txt'),
      'command-failed',
      'list-nothing does not exist',
    ],
    [
      'not allowed',
      200,
      recording('error.not-allowed.txt'),
      'not-allowed',
      'You are not allowed to run remote commands',
    ],
    ['another refusal', 200, 'ERROR: Out of cheese', 'command-failed', 'Out of cheese'],
    [
      'failure without a reason',
      200,
      '{"status":"failure","error":null}',
      'command-failed',
      'without a reason',
    ],
    ['a crash', 500, '<html><h1>Perl execution failed</h1></html>', 'command-failed', 'HTTP 500'],
    ['not Virtualmin', 404, '<html>Not found</html>', 'not-understood', 'web page'],
    [
      'a table instead of fields',
      200,
      recording('list-users.example.com.without-multiline.json'),
      'not-understood',
      'table',
    ],
    ['success with a wrong HTTP status', 404, jsonAnswer(), 'not-understood', 'HTTP 404'],
    [
      'the address of this machine is not allowed',
      403,
      '<h1>Access denied for 192.0.2.7</h1>',
      'not-allowed',
      'this address',
    ],
  ])('%s', async (_what, status, body, code, words) => {
    always(status, body);
    const error = await failureOf(client().listUsers('nosuch.example'));
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(error.message).toMatch(/^list-users for nosuch\.example: /);
  });

  test('a redirect is not followed', async () => {
    always(302, '', { Location: `${virtualmin.url}/elsewhere` });
    expect(await failureOf(client().listDomains())).toMatchObject({ code: 'not-understood' });
    expect(virtualmin.requests).toHaveLength(1);
  });

  test.each<[string, PageAnswer, string, string]>([
    [
      'TLS port of an older Webmin',
      answers.sslMode('https://127.0.0.1:10000'),
      'speaks TLS on this port',
      'Set VIRTUALMIN_URL to https://127.0.0.1:',
    ],
    ['TLS port of nginx', answers.nginxTlsPort, 'speaks TLS', 'VIRTUALMIN_URL to https://127'],
    ['TLS port of Apache', answers.apacheTlsPort, 'speaks TLS', 'VIRTUALMIN_URL to https://127'],
    [
      'redirect to https',
      answers.redirect('https://127.0.0.1:10000'),
      'speaks TLS on this port',
      'Set VIRTUALMIN_URL to https://127.0.0.1:10000.',
    ],
    [
      'redirect to another name',
      answers.redirect('https://panel.example.com:10000?key=S3cret'),
      'redirects to https://panel.example.com:10000',
      'Set VIRTUALMIN_URL to https://panel.example.com:10000.',
    ],
    ['redirect within', answers.redirect('/login?S3cret'), 'to another page', 'a prefix'],
    ['redirect to nowhere', answers.redirect('https://['), 'not say to which', 'Webmin itself'],
    [
      'redirect to a script',
      answers.redirect('javascript:alert(1)'),
      'not say to which',
      'Webmin itself',
    ],
    ['another host name', answers.wrongHost, 'the host name 127.0.0.1', '"musthost"'],
    ['a login page', answers.loginPage, 'a login page', '"sessiononly"'],
    ['Webmin alone', answers.noSuchFile, 'Virtualmin is not installed there', 'Usermin'],
    ['another web server', answers.otherServer, 'another web server, Apache', 'port 10000'],
    ['no JSON in Perl', answers.noJson, 'JSON::PP is missing', 'VIRTUALMIN_FORMAT to xml'],
  ])('a wrong address: %s', async (_what, { status, body, headers }, reason, advice) => {
    always(status, body, headers);
    const error = await failureOf(client().listDomains());
    expect(error.code).toBe('not-understood');
    expect(error.reason).toContain(reason);
    expect(error.advice).toContain(advice);
    expect(error.message).not.toContain('S3cret');
    expect(virtualmin.requests).toHaveLength(1);
  });

  test('a proxy whose Webmin is stopped', async () => {
    always(502, '<html>Bad gateway</html>', { Server: 'nginx' });
    expect(await failureOf(client().listDomains())).toMatchObject({
      code: 'not-understood',
      reason: 'the answer is a web page of another web server, nginx (HTTP 502)',
    });
  });

  test.each([
    ['from this address', answers.wrongAddress, 'no connection from this address'],
    ['at this time', answers.wrongTime, 'only at other times'],
  ])('a user who may not log in %s', async (_what, { status, body, headers }, reason) => {
    always(status, body, headers);
    expect(await failureOf(client().listDomains())).toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining(reason),
    });
  });

  test('https:// to a Webmin without SSL', async () => {
    const plain = await startPlainMiniserv();
    const url = `https://127.0.0.1:${plain.port}`;
    // Whether a handshake contains a line feed is random.
    for (let time = 0; time < 12; time++) {
      expect(await failureOf(client({ url }).listDomains())).toMatchObject({
        code: 'not-understood',
        reason: expect.stringMatching(/^there is no TLS at 127\.0\.0\.1:\d+/),
        advice: expect.stringContaining('SSL Encryption'),
      });
    }
    plain.close();
  });

  test('http:// to a server that answers with an alert of TLS', async () => {
    // RFC 8446, 6: fatal, unexpected_message.
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 10])));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    expect(await failureOf(client({ url }).listDomains())).toMatchObject({
      code: 'not-understood',
      reason: expect.stringContaining('is not HTTP'),
      advice: expect.stringContaining(`https://127.0.0.1:${port}`),
    });
    server.close();
  });

  test('connection refused', async () => {
    const error = await failureOf(client({ url: 'http://127.0.0.1:1' }).listDomains());
    expect(error).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test("an HTTP/1.0 answer of Webmin's own server ends with the connection", async () => {
    const miniserv = createServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.0 200 Document follows\r\nServer: MiniServ/2.660\r\n');
        socket.write('Content-type: application/json\r\nConnection: close\r\n\r\n');
        socket.end(recording('list-domains.json'));
      });
    });
    await new Promise<void>((resolve) => miniserv.listen(0, '127.0.0.1', resolve));
    const { port } = miniserv.address() as AddressInfo;
    const { listDomains, versions } = client({ url: `http://127.0.0.1:${port}` });
    await expect(listDomains()).resolves.toHaveLength(10);
    expect(versions().webmin).toBe('2.660');
    miniserv.close();
  });

  test('the connection breaks during the answer', async () => {
    virtualmin.override = (_query, response) => {
      response.writeHead(200, { 'Content-Length': '1000' }).write('{"status"');
      setTimeout(() => response.destroy(), 20);
    };
    expect(await failureOf(client().listDomains())).toMatchObject({ code: 'unreachable' });
  });

  test('an answer that never ends times out', async () => {
    virtualmin.override = (_query, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
    };
    expect(await failureOf(client({ timeout: 150 }).listDomains())).toMatchObject({
      code: 'timed-out',
    });
  });

  test('an answer is not read beyond 64 MiB', async () => {
    virtualmin.override = (_query, response) => {
      const piece = Buffer.alloc(1024 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(piece));
        response.once('drain', more);
      };
      more();
    };
    expect(await failureOf(client().listDomains())).toMatchObject({ code: 'too-large' });
  });
});

describe('a wrong password', () => {
  test('is sent once, until tryAgain is called', async () => {
    const wrong = client({ password: 'not it' });
    expect(await failureOf(wrong.listDomains())).toMatchObject({ code: 'wrong-password' });
    expect(await failureOf(wrong.listUsers('example.com'))).toMatchObject({
      code: 'wrong-password',
    });
    expect(virtualmin.requests).toHaveLength(1);
    wrong.tryAgain();
    expect(await failureOf(wrong.listDomains())).toMatchObject({ code: 'wrong-password' });
    expect(virtualmin.requests).toHaveLength(2);
  });

  test('with two factors is explained, and not sent again', async () => {
    const { status, body, headers } = answers.twoFactor;
    always(status, body, headers);
    const { listDomains } = client();
    for (let time = 0; time < 2; time++) {
      expect(await failureOf(listDomains())).toMatchObject({
        code: 'wrong-password',
        message: expect.stringContaining('two-factor authentication'),
      });
    }
    expect(virtualmin.requests).toHaveLength(1);
  });

  test('stops the queued requests', async () => {
    const wrong = client({ password: 'not it' });
    const calls = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      failureOf(wrong.listUsers(`${name}.example`)),
    );
    for (const error of await Promise.all(calls)) expect(error.code).toBe('wrong-password');
    expect(virtualmin.requests.length).toBeLessThanOrEqual(2);
  });
});

test('during a lock-out no request is sent until it ends', async () => {
  let clock = 1_000_000;
  const { listDomains, tryAgain } = client({}, () => clock);
  always(
    403,
    '<h1>Access denied for 127.0.0.1. The host has been blocked because of too many authentication failures.</h1>',
  );
  expect(await failureOf(listDomains())).toMatchObject({ code: 'locked-out', until: 1_060_000 });
  virtualmin.override = null;
  clock += 59_000;
  tryAgain();
  expect(await failureOf(listDomains())).toMatchObject({ code: 'locked-out', until: 1_060_000 });
  expect(virtualmin.requests).toHaveLength(1);
  clock += 1_000;
  await expect(listDomains()).resolves.toHaveLength(10);
});

describe('TLS', () => {
  let folder: string;
  let secure: TestVirtualmin;
  let authority: string;
  let fingerprint: string;

  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const file = (name: string) => readFileSync(join(folder, name), 'utf8');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mail-setup-tls-'));
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];
    openssl(
      'req',
      '-x509',
      ...key,
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
    );
    for (const [name, subject] of [
      ['good', 'IP:127.0.0.1'],
      ['wrong-name', 'DNS:elsewhere.example'],
    ] as const) {
      openssl(
        'req',
        ...key,
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
        '-addext',
        `subjectAltName=${subject}`,
      );
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-days',
        '2',
        '-out',
        `${name}.pem`,
        '-copy_extensions',
        'copyall',
      );
    }
    openssl('req', '-x509', ...key, 'self.key', '-out', 'self.pem', '-days', '2', '-subj', '/CN=*');
    authority = file('ca.pem');
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  afterEach(() => {
    secure.close();
  });

  async function start(name: string) {
    secure = await startVirtualmin({ key: file(`${name}.key`), cert: file(`${name}.pem`) });
    fingerprint = String(openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', `${name}.pem`))
      .trim()
      .replace(/^.*=/, '');
  }

  const listFrom = (changes: Partial<VirtualminConfig>) =>
    createVirtualminClient(secure.config(changes)).listDomains();

  test('a self-signed certificate is refused with its fingerprint, before anything is sent', async () => {
    await start('self');
    const error = await failureOf(listFrom({}));
    expect(error).toBeInstanceOf(TlsNotVerifiableError);
    expect(error).toMatchObject({ code: 'tls-not-verifiable', fingerprint });
    expect(error.message).toContain(fingerprint);
    expect(error.message).toContain('VIRTUALMIN_FINGERPRINT');
    expect(secure.requests).toEqual([]);
  });

  test('a self-signed certificate is accepted if its fingerprint is pinned', async () => {
    await start('self');
    await expect(
      listFrom({
        trust: { kind: 'fingerprint', sha256: fingerprint, source: 'VIRTUALMIN_FINGERPRINT' },
      }),
    ).resolves.toHaveLength(10);
  });

  test('another fingerprint is refused, on every connection', async () => {
    await start('self');
    const pinned = createVirtualminClient(
      secure.config({
        trust: {
          kind: 'fingerprint',
          // One fingerprint in 256 begins with 00.
          sha256: fingerprint.replace(/^../, fingerprint.startsWith('00') ? 'FF' : '00'),
          source: 'VIRTUALMIN_FINGERPRINT',
        },
      }),
    );
    expect(await failureOf(pinned.listDomains())).toMatchObject({
      code: 'tls-not-verifiable',
      fingerprint,
    });
    expect(await failureOf(pinned.listDomains())).toMatchObject({ code: 'tls-not-verifiable' });
    expect(secure.requests).toEqual([]);
  });

  test('a certificate of a configured authority is accepted for the right name', async () => {
    await start('good');
    await expect(listFrom({ trust: { kind: 'ca', pem: authority } })).resolves.toHaveLength(10);
  });

  test('a certificate of a configured authority is refused for another name', async () => {
    await start('wrong-name');
    const error = await failureOf(listFrom({ trust: { kind: 'ca', pem: authority } }));
    expect(error).toMatchObject({
      code: 'tls-not-verifiable',
      message: expect.stringContaining('ALTNAME'),
    });
    expect(secure.requests).toEqual([]);
  });

  test('a server that never answers the TLS handshake times out', async () => {
    await start('good');
    const connections = new Set<Socket>();
    const silent = createServer((socket) => connections.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const error = await failureOf(listFrom({ url: `https://127.0.0.1:${port}`, timeout: 200 }));
    expect(error.code).toBe('timed-out');
    for (const socket of connections) socket.destroy();
    silent.close();
  });
});
