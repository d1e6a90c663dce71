import { version } from '../../../package.json';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { useApp } from '../../helpers/use-app';
import {
  answerUsers,
  jsonAnswer,
  recordedDomains,
  recording,
  userValues,
} from '../../helpers/virtualmin';

const app = useApp();

/** The paths of all pages and files of a domain and its logins. */
const mailboxFiles = [
  'sheet',
  'settings.txt',
  'settings.json',
  'autoconfig.xml',
  'autodiscover.xml',
  'profile.mobileconfig',
  'qr.svg',
];

function pathsOf(domain: string, logins: readonly string[]): string[] {
  const at = `/domains/${domain}`;
  return [
    '/',
    at,
    `${at}?q=e&sort=name`,
    `${at}/mailboxes.json`,
    `${at}/mailboxes.csv`,
    `${at}/sheets`,
    `${at}/dns.txt`,
    ...logins.flatMap((login) => {
      const mailbox = `${at}/mailboxes/${encodeURIComponent(login)}`;
      return [mailbox, ...mailboxFiles.map((name) => `${mailbox}/${name}`)];
    }),
  ];
}

const kindsOfPage = [
  '/',
  '/domains/example.com',
  '/domains/example.com/mailboxes/bob.example',
  '/domains/example.com/sheets',
  '/nothing',
];

interface Recorded {
  readonly data: { readonly name: string; readonly values: Record<string, string[]> }[];
}

/** All secrets in a recorded answer. */
function secretsOf(recorded: Recorded): string[] {
  const fields = ['password', 'encrypted_password', 'hashed_password', 'ssh_public_key'];
  return recorded.data.flatMap(({ values }) => fields.flatMap((field) => values[field] ?? []));
}

describe('a large form', () => {
  const send = (body: string) =>
    app.post('/domains/example.com/sheets').type('form').send(`selected=1&${body}`);

  test('of fifty thousand fields is read completely', async () => {
    const { status, text } = await send(`${'login=bob.example&'.repeat(49_998)}login=zoe.example`);
    expect(status).toBe(200);
    expect(text).toContain('bob@example.com');
    expect(text).toContain('zoe@example.com');
  });

  test.each([
    ['with more fields than there are mailboxes', 'login=x&'.repeat(50_001)],
    ['larger than the limit', `login=${'x'.repeat(4 * 1024 * 1024)}`],
  ])('%s is refused, not truncated', async (_what, body) => {
    const { status, text } = await send(body);
    expect([status, text]).toEqual([413, expect.stringContaining('This form cannot be read.')]);
  });
});

describe('secrets of the recordings', () => {
  const list = JSON.parse(String(recording('list-domains.json'))) as Recorded;

  test('the recordings contain secrets', () => {
    const plain = JSON.parse(String(recording('list-users.plain.example.json'))) as Recorded;
    expect(secretsOf(plain)).toContain('Tr0ub4dor&3');
    expect(secretsOf(list).length).toBeGreaterThan(8);
  });

  test.each(
    recordedDomains.flatMap((domain) => [['json', domain] as const, ['xml', domain] as const]),
  )('are not in %s: %s', async (format, domain) => {
    await app.restart({ config: { format } });
    const users = JSON.parse(String(recording(`list-users.${domain}.json`))) as Recorded;
    const secrets = [...secretsOf(users), ...secretsOf(list), app.virtualmin.config().password];
    const escaped = secrets.map((secret) => secret.replaceAll('&', '&amp;'));
    const logins = users.data.map(({ name }) => name);
    for (const path of [...pathsOf(domain, logins), '/domains/nosuch.example', '/nothing']) {
      const response = await app.get(path);
      const all = `${JSON.stringify(response.headers)}\n${response.text}\n${app.logged()}`;
      for (const secret of [...secrets, ...escaped]) expect(all).not.toContain(secret);
      expect(all).not.toContain('$y$');
    }
  });

  test.each([
    ['cut off', (body: string) => body.slice(0, -40)],
    ['with a wrong status', (body: string) => body.replace('"success"', '"failure"')],
    ['not JSON', (body: string) => body.replaceAll(':', '=')],
  ])('are not in the error for an answer %s', async (_what, broken) => {
    const body = broken(String(recording('list-users.plain.example.json')));
    app.virtualmin.override = (_query, response) => response.end(body);
    for (const path of pathsOf('plain.example', ['pat@plain.example'])) {
      const { status, text } = await app.get(path);
      expect(status).toBe(502);
      expect(text + app.logged()).not.toMatch(/Tr0ub4dor|pl@inPass1|\$y\$/);
    }
  });
});

describe('hostile names', () => {
  const hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>';
  const names = [
    hostile,
    "'; DROP TABLE users; --",
    '=cmd|calc',
    '\u202Egnp.exe',
    '👩‍👩‍👧 שלום',
    '%EMAILADDRESS%',
    '<%= process.env %>',
    '${7*7}',
    'a\r\nSet-Cookie: x=y',
  ];

  test.each(names)('%j stays text', async (name) => {
    answerUsers(
      app.virtualmin,
      userValues({
        real_name: name,
        unix_username: 'h<b>&"\'x',
        extra_addresses: '<i>@example.com',
      }),
    );
    for (const path of pathsOf('example.com', ['h<b>&"\'x'])) {
      const response = await app.get(path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers['set-cookie']).toBeUndefined();
      if (response.type !== 'text/html') continue;
      expect(response.text).not.toMatch(/<script>|<img|<b>|<i>|onerror=alert\(2\)>/);
    }
  });

  test('a search is shown as typed', async () => {
    const { text } = await app.get('/domains/example.com').query({ q: hostile });
    expect(text).toContain('value="&#34;&gt;&lt;script&gt;');
    expect(text).not.toContain('<script>');
  });

  test('an error from Virtualmin is shown as text, in one line', async () => {
    app.virtualmin.override = (_query, response) =>
      response.end(
        JSON.stringify({ status: 'failure', error: `\n\n<script>x</script>\u0007\nsecond` }),
      );
    const { text } = await app.get('/');
    expect(text).toContain('Virtualmin says: &lt;script&gt;x&lt;/script&gt;');
    expect(text).not.toContain('second');
  });

  test('no CSV cell is a formula, and each value is unchanged after parsing', async () => {
    const wild = [
      ...['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', 'a,b"c', 'x;y', 'Zoë'],
      ...['x;=1+1', 'x;"=1', 'x; +1'],
    ];
    answerUsers(
      app.virtualmin,
      ...wild.map((realName, index) =>
        userValues({ real_name: realName, unix_username: `user${index}` }),
      ),
      userValues({ unix_username: '-login' }),
    );
    const at = '/domains/example.com/mailboxes.csv';
    const response = await app.get(at);
    expect(response.type).toBe('text/csv');
    expect(response.headers['content-disposition']).toBe(
      'attachment; filename=example.com-mailboxes.csv',
    );
    expect(response.text.startsWith('\uFEFF')).toBe(true);
    expect(response.text.split('\r\n')).toHaveLength(wild.length + 3);
    const rows: Record<string, string>[] = parse(response.text, { bom: true, columns: true });
    const names = rows.map((row) => row['Real name']);
    expect(names.slice(0, wild.length)).toEqual([
      "'=1+1",
      "'+1",
      "'-1",
      "'@SUM(A1)",
      "'=1",
      'a,b"c',
      'x;y',
      'Zoë',
      "x;'=1+1",
      'x;\'"=1',
      "x;' +1",
    ]);
    // Split at the other separator, no piece begins with a formula's sign.
    for (const separator of ['comma', 'semicolon']) {
      const { text } = await app.get(`${at}?separator=${separator}`);
      const pieces = text.replace('\uFEFF', '').split(/[;,\r\n]/);
      expect(pieces.filter((piece) => /^["\s]*[=+\-@]/.test(piece))).toEqual([]);
    }
    // Split at all of them, as LibreOffice does, the cells are the same.
    const anywhere = { bom: true, columns: true, delimiter: [',', ';', '\t'] };
    expect(parse(response.text, anywhere)).toEqual(rows);
    const { text } = await app.get(`${at}?separator=semicolon`);
    expect(parse(text, anywhere)).toEqual(rows);
    expect(parse(text, { bom: true, columns: true, delimiter: ';' })).toEqual(rows);
    expect((await app.get(`${at}?separator=tab`)).status).toBe(400);
    expect(rows.at(-1)?.['User name']).toBe("'-login");
    expect(rows[0]).toMatchObject({
      'E-mail address': 'bob@example.com',
      'User name': 'user0',
      'User name is the e-mail address': 'no',
      'Incoming server': 'mail.example.com',
      'Incoming port': '143',
      'Incoming security': 'STARTTLS',
      'Incoming fallback port': '993',
      'Outgoing port': '587',
      'Outgoing fallback port': '465',
      'Outgoing fallback security': 'SSL/TLS',
    });
  });
});

describe('headers', () => {
  test.each([
    '/',
    '/domains/example.com',
    '/domains/example.com/mailboxes.json',
    '/nothing',
    '/healthz',
  ])('%s is not cached or framed, and runs only our own scripts', async (path) => {
    const { headers } = await app.get(path);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self';font-src 'self';connect-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers.etag).toBeUndefined();
  });

  test('files without data are cached and revalidated', async () => {
    const first = await app.get('/assets/style.css');
    expect(first.headers['cache-control']).toBe('private, no-cache');
    const again = await app
      .get('/assets/style.css')
      .set('If-None-Match', String(first.headers.etag));
    expect(again.status).toBe(304);
  });

  test('the address of a cached file changes with each version', async () => {
    const { text } = await app.get('/');
    const addresses = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, at]) => at);
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) expect(address).toMatch(new RegExp(`\\?v=${version}$`));
    expect((await app.get(String(addresses[0]))).status).toBe(200);
  });

  test('no page has inline scripts or styles', async () => {
    for (const path of kindsOfPage) {
      const { text } = await app.get(path);
      expect(text).not.toMatch(/<script(?![^>]* src=)|<style|style="|\son\w+="|javascript:/i);
    }
  });
});

test('the log contains the domain and no other personal data', async () => {
  answerUsers(
    app.virtualmin,
    userValues({ unix_username: 'secret-login', real_name: 'Secret Name' }),
  );
  await app.get('/domains/example.com/mailboxes/secret-login?q=Secret+Search');
  await app.get('/domains/example.com/sheets?login=secret-login');
  await app.get('/domains/secret@example.com');
  expect(app.logged()).toContain('"domain":"example.com"');
  expect(app.logged()).not.toMatch(/secret/i);
});

test('every page of the demo says that it is one', async () => {
  await app.restart({ demo: true });
  for (const path of kindsOfPage) {
    expect((await app.get(path)).text).toContain('This is demo data.');
  }
});

test('the policy of the settings file reaches page, text and JSON', async () => {
  await app.restart({
    settings:
      'mail_host=mx.host.example\nwebmail_url=https://webmail.{domain}/\nsupport_contact=Call 555 & ask\noffer_pop3=no',
  });
  const at = '/domains/example.com/mailboxes/bob.example';
  const page = (await app.get(at)).text;
  expect(page).toContain('mx.host.example');
  expect(page).toContain('href="https://webmail.example.com/"');
  expect(page).toContain('Call 555 &amp; ask');
  expect(page).not.toContain('POP3');
  const text = (await app.get(`${at}/settings.txt`)).text;
  expect(text).toContain('Webmail: https://webmail.example.com/\nHelp: Call 555 & ask\n');
  expect((await app.get(`${at}/settings.json`)).body).toMatchObject({
    webmailUrl: 'https://webmail.example.com/',
  });
});

test('an answer above the size limit is refused with a message', async () => {
  app.virtualmin.override = (_query, response) =>
    response.end(`${jsonAnswer()}${' '.repeat(65 * 1024 * 1024)}`);
  const response = await app.get('/?wait=1');
  expect([response.status, response.text]).toEqual([
    502,
    expect.stringContaining('larger than 64 MiB'),
  ]);
});
