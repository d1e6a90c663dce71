import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { parseViewer } from '../../../src/panel/panel-viewer';
import { startApp, type TestApp } from '../../helpers/app';
import { pngLogo, saveBranding } from '../../helpers/branding';
import { pathOf, routesOf } from '../../helpers/routes';
import { textOfPdf } from '../../helpers/pdf';
import { answerUsers, userValues } from '../../helpers/virtualmin';

const bob = {
  user: 'bob.example',
  role: 'mailbox-owner',
  domains: ['example.com'],
  may: ['see', 'print'],
  pages: '/virtualmin-mail-setup/index.cgi',
  assets: '/virtualmin-mail-setup/assets',
  token: '0123456789abcdef0123456789abcdef',
  language: 'en',
};

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

/** What pages of bob's must not contain: the names and addresses of others, and other domains. */
const ofOthers =
  /alice|zoe|off\.example|webby|nomail|example@example|example\.(org|net)|sub\.example|(dash|plain|gone)\.example/;

/** The paths that are open to a mailbox owner. */
const open = [
  '/',
  '/sheet',
  '/sheet.pdf',
  '/profile.mobileconfig',
  '/qr.svg',
  '/qr.png',
  '/settings.txt',
];

let app: TestApp;

const get = (path: string, viewer: object = bob, method: 'get' | 'head' | 'post' = 'get') => {
  const sent = request(app.app)[method](path);
  return sent
    .set('Mail-Setup-Viewer', encoded(viewer))
    .set('Mail-Setup-Panel', encoded({ settings: '' }));
};

/** The status and the text of a page or a file; of a PDF, the text on it. */
async function read(path: string, viewer: object = bob): Promise<{ status: number; text: string }> {
  const answer = await get(path, viewer).buffer(true);
  const body: unknown = answer.body;
  const { status } = answer;
  if (answer.headers['content-type'] === 'application/pdf')
    return { status, text: textOfPdf(body as Buffer) };
  return { status, text: Buffer.isBuffer(body) ? body.toString('latin1') : answer.text };
}

beforeAll(async () => {
  app = await startApp({ panel: true });
});

afterEach(() => {
  app.virtualmin.override = null;
});

afterAll(() => {
  app.close();
});

describe('the viewer', () => {
  test('has one domain at most', () => {
    const parse = (changes: object) => parseViewer(encoded({ ...bob, ...changes }));
    expect(parse({})?.domains).toEqual(new Set(['example.com']));
    expect(parse({ domains: [] })?.domains).toEqual(new Set());
    expect(parse({ domains: ['example.com', 'example.org'] })).toBeNull();
    expect(parse({ domains: '*' })).toBeNull();
  });
});

describe('a mailbox owner', () => {
  test('sees their own settings at the first address, and no links to anything else', async () => {
    const { status, text, headers } = await get('/');
    expect(status).toBe(200);
    expect(decodeURIComponent(String(headers['mail-setup-subtitle']))).toBe('bob@example.com');
    expect(text).toContain('>bob.example</code>');
    const links = [...text.matchAll(/(?:href|action|src)="([^"]*)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(5);
    const own = open.map((path) => bob.pages + path);
    const others = links.filter((link) => !link.startsWith(bob.assets) && !own.includes(link));
    expect(others).toEqual([]);
    expect(text).not.toMatch(/<form\b|All domains|JSON|autodiscover/);
  });

  test.each(open)('nothing of anybody else is in %s', async (path) => {
    const { status, text } = await read(path);
    expect(status).toBe(200);
    expect(text).not.toMatch(ofOthers);
    if (!path.startsWith('/qr')) expect(text).toContain('bob.example');
  });

  test('HEAD is answered as GET is', async () => {
    expect((await get('/', bob, 'head')).status).toBe(200);
  });

  test('every route of the app is closed, at its own path and for every method', async () => {
    const routes = routesOf(app).filter(({ guards }) => !guards.includes('nothing'));
    expect(routes.length).toBeGreaterThan(30);
    for (const route of routes) {
      const { method } = route;
      const path = pathOf(route);
      if (method === 'GET' && open.includes(path)) continue;
      for (const spelling of [path, `${path}/`, path.replace('/d', '//d'), `/.${path}`]) {
        if (spelling === '//' || spelling === '/./') continue;
        const { status, text } = await get(spelling, bob, method === 'GET' ? 'get' : 'post');
        expect([method, spelling, status]).toEqual([method, spelling, 404]);
        expect(text).not.toMatch(ofOthers);
      }
    }
  });

  test.each(open)('POST to %s is refused', async (path) => {
    const calls = app.virtualmin.requests.length;
    const sent = get(path, bob, 'post').type('form').send(`token=${bob.token}`);
    expect((await sent).status).toBe(404);
    expect(app.virtualmin.requests).toHaveLength(calls);
  });

  test.each([
    '/domains/example.com/mailboxes/alice.example',
    '/domains/example.com/mailboxes/bob.example',
    '/domains/example.com/mailboxes/nobody',
    '/domains/example.org',
    '/domains/nosuch.example',
    '/domains/example.com/logo',
    '/sheets',
    '/settings.json',
    '/mailboxes.csv',
    '/send',
    '/try',
    '/discovery',
    '/branding',
    '/assets/page.js',
    '/sheet/',
    '/Sheet',
    '/%73heet',
    '/sheet/../../alice.example/sheet',
    '/..%2falice.example/sheet',
    '/sheet%2f..%2f..%2falice.example',
  ])('%s is answered like an address that does not exist', async (path) => {
    const nowhere = await get(`/nowhere${/\.\w+$/.exec(path)?.[0] ?? ''}`);
    const { status, text } = await get(path);
    expect([status, text]).toEqual([404, nowhere.text]);
  });

  test.each([
    '/?domain=example.org&login=carl.exorg',
    '/?login=alice.example&user=alice.example',
    '/sheet?login=alice.example&q=alice&matching=1&selected=1',
    '/sheet.pdf?login=alice.example&matching=1',
    '/settings.txt?domain=example.org',
  ])('the query does not decide whose mailbox it is: %s', async (path) => {
    const { status, text } = await read(path);
    expect(status).toBe(200);
    expect(text).toContain('bob.example');
    // The form with the choices of a sheet repeats the query.
    expect(text.replace(/<input type="hidden"[^>]*>/g, '')).not.toMatch(ofOthers);
  });

  test.each([
    ['without a domain, such as root', { user: 'root', domains: [] }],
    ['without an address, only for FTP', { user: 'nomail.example' }],
    ['who manages the website', { user: 'webby.example' }],
    ['with a second name of a mailbox', { user: 'bob-example.com' }],
    ['with the address of another', { user: 'alice@example.com' }],
    ['in a domain without mail', { user: 'nomail', domains: ['nomail.example'] }],
    ['in a domain that does not exist', { domains: ['nosuch.example'] }],
    ['whose name is a path', { user: '../../example.org/mailboxes/carl.exorg' }],
    ['whose name differs in case', { user: 'Bob.Example' }],
  ])('a user %s has no mailbox, and is told so', async (_name, changes) => {
    const viewer = { ...bob, ...changes };
    for (const path of open) {
      const { status, text } = await get(path, viewer);
      expect([path, status]).toEqual([path, 404]);
      expect(text).toContain(`The user name ${viewer.user} has no mailbox on this server`);
      expect(text.replaceAll(viewer.user, '')).not.toMatch(ofOthers);
      expect(text).not.toMatch(/<form\b|All domains|Refresh/);
    }
  });

  test("a domain owner sees their own mailbox, not their domain's", async () => {
    const { status, text } = await get('/', { ...bob, user: 'example' });
    expect(status).toBe(200);
    expect(text).toContain('example@example.com');
    expect(text).not.toMatch(/bob|alice/);
  });

  test('a login with other characters is found as it is', async () => {
    const odd = 'kim%2f/..?#@example.com';
    answerUsers(
      app.virtualmin,
      userValues({ unix_username: odd, email_address: 'kim@dash.example' }),
      userValues(),
    );
    const { status, text } = await get('/', { ...bob, user: odd, domains: ['dash.example'] });
    expect(status).toBe(200);
    expect(text).toContain('kim@dash.example');
    expect(text).not.toContain('bob');
  });

  test('a mailbox that only forwards: its page, sheet and text say so, but not to whom', async () => {
    const user = 'fwd.example';
    answerUsers(app.virtualmin, {
      ...userValues({ unix_username: user, email_address: 'fwd@sub.example.com' }),
      forward_mail_to: ['someone@elsewhere.example'],
    });
    const viewer = { ...bob, user, domains: ['sub.example.com'] };
    for (const path of ['/', '/sheet', '/settings.txt']) {
      const { status, text } = await get(path, viewer);
      expect([path, status]).toEqual([path, 200]);
      expect(text).toContain('…@elsewhere.example');
      expect(text).not.toContain('someone');
    }
  });

  test('a disabled mailbox: its page says so, and there is no sheet', async () => {
    const off = { ...bob, user: 'off.example' };
    const page = await get('/', off);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('is disabled')]);
    const sheet = await get('/sheet', off);
    expect([sheet.status, sheet.text]).toEqual([409, expect.stringContaining('is disabled')]);
  });

  test('a failure of Virtualmin is shown without details and without a form', async () => {
    app.virtualmin.override = (_query, response) => response.writeHead(500).end('secret');
    const { status, text } = await get('/', { ...bob, domains: ['plain.example'] });
    expect(status).toBe(502);
    expect(text).toContain(`href="${bob.pages}/">Try again`);
    expect(text).not.toMatch(/<form\b|miniserv|list-users|secret|All domains/);
  });

  test('a page that waits for Virtualmin names nobody', async () => {
    app.virtualmin.override = () => true;
    for (const path of ['/', '/sheet']) {
      const viewer = { ...bob, domains: ['dash.example.com'] };
      const { status, text, headers } = await get(path, viewer);
      expect([status, text]).toEqual([202, expect.stringContaining('your settings')]);
      expect(text).not.toContain('All domains');
      expect(text + JSON.stringify(headers)).not.toContain('dash.example.com');
    }
  });

  test('without permission to print there is no sheet', async () => {
    const reader = { ...bob, may: ['see'] };
    expect((await get('/sheet.pdf', reader)).status).toBe(403);
    expect((await get('/', reader)).text).not.toContain('/sheet');
    const blind = await get('/', { ...bob, may: [] });
    expect(blind.status).toBe(403);
    expect(blind.text).not.toContain('All domains');
  });

  test('there is no link to send the settings, also where others can send them', async () => {
    const settings = encoded({ settings: 'mail_from=host@example.com' });
    const admin = { ...bob, user: 'root', role: 'master-admin', domains: '*' };
    const path = '/domains/example.com/mailboxes/bob.example';
    const { text } = await get(path, admin).set('Mail-Setup-Panel', settings);
    expect(text).toContain(`href="${bob.pages}${path}/send"`);
    expect((await get('/').set('Mail-Setup-Panel', settings)).text).not.toContain('/send"');
  });

  test('a mistake in the configuration is shown without a link to domains', async () => {
    const sent = get('/').set('Mail-Setup-Panel', encoded({ settings: 'imap_port=none' }));
    const { status, text } = await sent;
    expect([status, text]).toEqual([500, expect.stringContaining('An administrator can correct')]);
    expect(text).not.toContain('All domains');
  });

  test('the job of an administrator keeps its progress, whatever a mailbox owner requests', async () => {
    const admin = { ...bob, user: 'root', role: 'master-admin', domains: '*' };
    const job = async () =>
      (await get('/domains/example.com/jobs/a-job-of-sheets.json', admin)).text;
    const sent = get('/domains/example.com/sheets.pdf?job=a-job-of-sheets', admin);
    expect((await sent).status).toBe(200);
    const before = await job();
    expect(before).toContain('"finished"');
    expect((await get('/sheet.pdf?job=a-job-of-sheets')).status).toBe(200);
    expect(await job()).toBe(before);
  });

  test.each([
    ['de.UTF-8', 'Der Benutzername ist'],
    ['fr', 'Le nom d’utilisateur est'],
  ])('the page is in the language of Usermin: %s', async (language, words) => {
    expect((await get('/', { ...bob, language })).text).toContain(words);
  });
});

test('the logo on the sheet of a mailbox owner is at an address of their own', async () => {
  const brandings = mkdtempSync(join(tmpdir(), 'brandings-'));
  const standalone = await startApp({ brandings });
  const panel = await startApp({ panel: true, brandings });
  const read = (path: string) =>
    request(panel.app)
      .get(path)
      .set('Mail-Setup-Viewer', encoded(bob))
      .set('Mail-Setup-Panel', encoded({ settings: '' }));
  try {
    await saveBranding(standalone, '/branding', {}, pngLogo);
    const [, address = ''] = /<img src="([^"]*logo[^"]*)"/.exec((await read('/sheet')).text) ?? [];
    expect(address.startsWith(`${bob.pages}/logo?v=`)).toBe(true);
    const { status, headers } = await read(address.slice(bob.pages.length));
    expect([status, headers['content-type']]).toEqual([200, 'image/png']);
  } finally {
    standalone.close();
    panel.close();
    rmSync(brandings, { recursive: true });
  }
});

test('a thousand visitors of one domain cause one call for its users', async () => {
  const calls = () =>
    app.virtualmin.requests
      .filter((query) => query.get('domain') === 'big.example')
      .map((query) => query.get('program'));
  expect(calls()).toEqual([]);
  const visitors = Array.from({ length: 1000 }, (_, index) => {
    const number = String(index + 1).padStart(4, '0');
    return index % 10 === 9 ? `user${number}@big.example` : `user${number}.big`;
  });
  const seen = new Set<string>();
  for (let first = 0; first < visitors.length; first += 50) {
    await Promise.all(
      visitors.slice(first, first + 50).map(async (user) => {
        const viewer = { ...bob, user, domains: ['big.example'] };
        let page = await get('/', viewer);
        while (page.status === 202) page = await get('/?wait=1', viewer).redirects(0);
        if (page.status === 303) page = await get('/', viewer);
        expect([user, page.status]).toEqual([user, 200]);
        seen.add(decodeURIComponent(String(page.headers['mail-setup-subtitle'])));
      }),
    );
  }
  expect(seen.size).toBe(1000);
  expect(calls().sort()).toEqual(['list-domains', 'list-users']);
}, 60_000);

test('users without a mailbox cause no more calls than the others', async () => {
  const listings = () =>
    app.virtualmin.requests.filter(
      (query) => query.get('program') === 'list-users' && query.get('domain') === 'example.org',
    ).length;
  const visitor = { ...bob, user: 'new.exorg', domains: ['example.org'] };
  const visitAll = async () => {
    for (const path of open) expect([path, (await get(path, visitor)).status]).toEqual([path, 404]);
  };
  await visitAll();
  app.clock.now += 30_000;
  await visitAll();
  expect(listings()).toBe(1);
  app.clock.now += 31_000;
  answerUsers(
    app.virtualmin,
    userValues({ unix_username: 'new.exorg', email_address: 'new@example.org' }),
  );
  const { status, text } = await get('/', visitor);
  expect([status, text]).toEqual([200, expect.stringContaining('new@example.org')]);
  expect(listings()).toBe(2);
});
