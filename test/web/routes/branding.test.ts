import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DOMParser } from '@xmldom/xmldom';
import type { Viewer } from '../../../src/domain/viewer';
import { masterAdmin, startApp, type TestApp } from '../../helpers/app';
import { pngLogo, saveBranding, svgLogo, valueOf, versionOf } from '../../helpers/branding';
import { recording } from '../../helpers/virtualmin';

let folder: string;
let app: TestApp;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brandings-'));
  app = await startApp({ brandings: folder, discovery: { resolve: () => Promise.resolve([]) } });
});

afterEach(() => {
  app.close();
  rmSync(folder, { recursive: true });
});

const rita: Viewer = {
  user: 'rita',
  role: 'reseller',
  domains: new Set(['example.com']),
  may: masterAdmin.may,
};
const owner: Viewer = {
  user: 'owner',
  role: 'domain-owner',
  domains: new Set(['example.com']),
  may: masterAdmin.may,
};
const extra: Viewer = {
  user: 'extra',
  role: 'extra-admin',
  domains: new Set(['example.com']),
  may: masterAdmin.may,
};

const save = (path: string, fields: Record<string, string>, logo?: Buffer) =>
  saveBranding(app, path, fields, logo);

describe('saving a branding', () => {
  test('contact and webmail reach every format', async () => {
    await save('/branding', { support_contact: 'Call 555', webmail_url: 'https://w.{domain}/' });
    const { text } = await app.get('/domains/example.com/mailboxes/bob.example/settings.txt');
    expect(text).toContain('Help: Call 555');
    expect(text).toContain('Webmail: https://w.example.com/');
  });

  test('is logged with the user, without the values', async () => {
    await save('/branding', { host_name: 'Secret name' });
    expect(app.logged()).toMatch(/"user":"root".*"branding saved"/);
    expect(app.logged()).not.toContain('Secret name');
  });

  test.each([
    ['that fits into a file name', 'é'.repeat(33), 303],
    ['too long for a file name', '😀'.repeat(30), 404],
  ])('of a reseller with a name %s', async (_what, name, status) => {
    const path = `/branding/resellers/${encodeURIComponent(name)}`;
    const saved = await app.post(path).field('version', '').field('host_name', 'x');
    expect(saved.status).toBe(status);
  });

  test('an empty field returns to the inherited value', async () => {
    await save('/branding', { host_name: 'Server', sheet_note: 'Server note' });
    await save('/domains/example.com/branding', { host_name: 'Domain' });
    expect((await app.get('/domains/example.com/sheets')).text).toContain('<bdi>Domain</bdi>');
    expect((await app.get('/domains/example.com/sheets')).text).toContain('Server note');
    const page = (await app.get('/domains/example.com/branding')).text;
    expect(page).toMatch(/name="sheet_note" value="" maxlength="200" placeholder="Server note"/);
    await save('/domains/example.com/branding', { host_name: '' });
    expect((await app.get('/domains/example.com/sheets')).text).toContain('<bdi>Server</bdi>');
  });

  test('clients: selected, none, or inherited', async () => {
    const clientsOn = async () =>
      [
        ...(await app.get('/domains/example.com/mailboxes/bob.example/sheet')).text.matchAll(
          /<h4>([^<]*)/g,
        ),
      ].map(([, title]) => title);
    const usual = await clientsOn();
    await save('/branding', { own_clients: '1', client: 'thunderbird' });
    expect(await clientsOn()).toEqual(['Thunderbird on a computer']);
    await save('/branding', { own_clients: '1' });
    expect(await clientsOn()).toEqual([]);
    await save('/branding', { client: 'thunderbird' });
    expect(await clientsOn()).toEqual(usual);
  });
});

describe('an invalid field shows its error, and everything typed is kept', () => {
  test.each([
    ['host_colour', 'yellow', 'Colour must be a colour such as #14509b.'],
    ['host_colour', '#ffff00', 'Colour is too light for white paper: its contrast is 1.1'],
    ['webmail_url', 'javascript:alert(1)', 'Webmail must be a web address'],
    ['host_name', 'x'.repeat(201), 'Name must be one line of at most 200 characters.'],
  ])('%s %s', async (name, value, words) => {
    const { status, text } = await save('/branding', { [name]: value, sheet_note: 'Kept' });
    expect(status).toBe(400);
    expect(text).toContain(words);
    expect(text).toMatch(new RegExp(`name="${name}"[^>]*aria-invalid="true"`));
    expect(valueOf(text, name)).toBe(value);
    expect(valueOf(text, 'sheet_note')).toBe('Kept');
    expect(valueOf((await app.get('/branding')).text, 'sheet_note')).toBe('');
  });

  test('an invalid logo is refused', async () => {
    const { status, text } = await save('/branding', { host_name: 'Kept' }, Buffer.from('<html/>'));
    expect(status).toBe(400);
    expect(text).toContain('The logo must be a PNG or an SVG.');
    expect(valueOf(text, 'host_name')).toBe('Kept');
  });

  test('a too large logo is refused', async () => {
    const { status, text } = await save('/branding', { host_name: 'Kept' }, Buffer.alloc(300_000));
    expect(status).toBe(400);
    expect(text).toContain('The logo must be at most 256 KB.');
  });

  test('an unexpected or truncated form is refused', async () => {
    const wrong = await app.post('/branding').attach('other', pngLogo, 'x.png');
    expect(wrong.status).toBe(400);
    const cut = await app
      .post('/branding')
      .set('Content-Type', 'multipart/form-data; boundary=x')
      .send('--x');
    expect(cut.status).toBe(400);
  });
});

test('a concurrent change: 409, what was typed is kept, and the saved one stays', async () => {
  const version = await versionOf(app, '/branding');
  await save('/branding', { host_name: 'Theirs' });
  const { status, text } = await app
    .post('/branding')
    .field('version', version)
    .field('host_name', 'Mine');
  expect(status).toBe(409);
  expect(text).toContain('somebody else has changed this branding in the meantime');
  expect(valueOf(text, 'host_name')).toBe('Mine');
  expect(valueOf((await app.get('/branding')).text, 'host_name')).toBe('Theirs');
  const again = await app
    .post('/branding')
    .field('version', valueOf(text, 'version'))
    .field('host_name', 'Mine');
  expect(again.status).toBe(303);
});

describe('the branding preview', () => {
  test('shows what is typed, and saves nothing', async () => {
    const { status, text } = await save(
      '/branding',
      { action: 'preview', host_name: 'Draft' },
      svgLogo,
    );
    expect(status).toBe(200);
    expect(text).toContain('<bdi>Draft</bdi>');
    expect(text).toMatch(/<div class="mcs-host">\n<img src="data:image\/svg\+xml;base64,/);
    expect((await app.get('/branding')).text).not.toContain('Draft');
  });

  test('keeps its logo for the next step', async () => {
    const preview = await save('/branding', { action: 'preview' }, svgLogo);
    const logo = valueOf(preview.text, 'host_logo');
    expect(Buffer.from(logo.split(',')[1] ?? '', 'base64').toString()).not.toContain('script');
    expect((await save('/branding', { host_logo: logo })).status).toBe(303);
    expect((await app.get('/domains/example.com/logo')).status).toBe(200);
  });

  test('for the whole server needs no request to Virtualmin', async () => {
    app.virtualmin.override = (_query, response) => response.destroy();
    expect((await app.get('/branding')).status).toBe(200);
  });

  test('for a domain uses its policy', async () => {
    const { text } = await app.get('/domains/dash.example/branding');
    expect(text).toContain('<code>mail.dash.example</code>');
    expect(text).toContain('bob@dash.example');
  });
});

describe('the logo', () => {
  test('is served cleaned, with a policy against scripts, at its own address', async () => {
    await save('/branding', {}, svgLogo);
    const sheet = (await app.get('/domains/example.com/mailboxes/bob.example/sheet')).text;
    const [, address = ''] =
      /<img src="([^"]*logo[^"]*)" alt="" width="166" height="42"/.exec(sheet) ?? [];
    const response = await app.get(address).responseType('blob');
    expect(response.headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    });
    const root = new DOMParser().parseFromString(String(response.body), 'text/xml').documentElement;
    expect(root?.childNodes).toHaveLength(1);
    expect(root?.firstChild?.nodeName).toBe('rect');
  });

  test('can be removed', async () => {
    await save('/branding', {}, pngLogo);
    const page = (await app.get('/branding')).text;
    await save('/branding', { host_logo: valueOf(page, 'host_logo'), remove_logo: '1' });
    expect((await app.get('/domains/example.com/logo')).status).toBe(404);
  });
});

test('a broken branding file is named on its page, and other pages work', async () => {
  writeFileSync(join(folder, 'server.json'), '{');
  const page = await app.get('/branding');
  expect(page.text).toContain(`${folder}/server.json is damaged and is ignored`);
  expect((await app.get('/domains/example.com/sheets')).status).toBe(200);
});

describe('permission for branding', () => {
  const paths = {
    server: '/branding',
    own: '/branding/resellers/rita',
    anothers: '/branding/resellers/rob',
    domain: '/domains/example.com/branding',
    foreign: '/domains/example.org/branding',
  };

  test.each([
    [
      'a master admin',
      masterAdmin,
      { server: 200, own: 200, anothers: 200, domain: 200, foreign: 200 },
    ],
    ['a reseller', rita, { server: 303, own: 200, anothers: 403, domain: 200, foreign: 404 }],
    ['a domain owner', owner, { server: 403, own: 403, anothers: 403, domain: 403, foreign: 404 }],
    ['an extra admin', extra, { server: 403, own: 403, anothers: 403, domain: 403, foreign: 404 }],
  ])('of %s', async (_who, viewer, expected) => {
    for (const [name, path] of Object.entries(paths)) {
      app.viewer.is = masterAdmin;
      const version = await versionOf(app, path);
      app.viewer.is = viewer;
      const looked = await app.get(path);
      const saved = await app.post(path).field('version', version).field('host_name', 'By them');
      const status = expected[name as keyof typeof paths];
      expect([name, looked.status]).toEqual([name, status]);
      const refused = status === 303 ? 403 : status;
      expect([name, saved.status]).toEqual([name, status === 200 ? 303 : refused]);
    }
  });

  test('a reseller gets their own page, and it applies to their domains only', async () => {
    const domains = JSON.parse(recording('list-domains.json').toString()) as {
      data: { name: string; values: Record<string, string[]> }[];
    };
    for (const { name, values } of domains.data) {
      if (name === 'example.com') values.reseller = ['rita rob'];
    }
    app.virtualmin.override = (query, response) =>
      query.get('program') === 'list-domains' && response.end(JSON.stringify(domains));
    app.viewer.is = rita;
    expect((await app.get('/branding')).headers.location).toBe('/branding/resellers/rita');
    await save('/branding/resellers/rita', { host_name: 'Rita' });
    app.viewer.is = masterAdmin;
    expect((await app.get('/domains/example.com/sheets')).text).toContain('<bdi>Rita</bdi>');
    // A sub-server follows its parent.
    expect((await app.get('/domains/sub.example.com/sheets')).text).toContain('<bdi>Rita</bdi>');
    expect((await app.get('/domains/example.org/sheets')).text).not.toContain('<bdi>Rita</bdi>');
    expect((await app.get('/branding')).text).toContain('href="/branding/resellers/rita"');
  });

  test('without a folder nobody has it, and the page says what to do', async () => {
    app.close();
    app = await startApp({});
    const { status, text } = await app.get('/branding');
    expect([status, text]).toEqual([404, expect.stringContaining('BRANDING_DIR')]);
    expect((await app.get('/')).text).not.toContain('href="/branding"');
  });
});

describe('a domain of somebody else looks like one that does not exist', () => {
  const mailbox = '/domains/example.org/mailboxes/ann';
  test.each([
    '/domains/example.org',
    '/domains/EXAMPLE.org',
    '/domains/example.org/mailboxes.json',
    '/domains/example.org/mailboxes.csv',
    '/domains/example.org/sheets',
    '/domains/example.org/sheets.pdf',
    '/domains/example.org/sheets.zip',
    '/domains/example.org/dns.txt',
    '/domains/example.org/check',
    '/domains/example.org/check.json',
    '/domains/example.org/discovery',
    '/domains/example.org/discovery.json',
    '/domains/example.org/logo',
    '/domains/example.org/jobs/12345678.json',
    mailbox,
    `${mailbox}/sheet`,
    `${mailbox}/sheet.pdf`,
    `${mailbox}/settings.txt`,
    `${mailbox}/settings.json`,
    `${mailbox}/autoconfig.xml`,
    `${mailbox}/autodiscover.xml`,
    `${mailbox}/profile.mobileconfig`,
    `${mailbox}/qr.svg`,
    `${mailbox}/qr.png`,
    `${mailbox}/send`,
    `${mailbox}/discovery`,
    `${mailbox}/discovery.json`,
  ])('%s', async (path) => {
    app.viewer.is = owner;
    const nowhere = path.replace(/example\.org/i, 'nosuch.example');
    for (const method of ['get', 'post'] as const) {
      const theirs = await app[method](path);
      expect(theirs.status).toBe(404);
      app.viewer.is = masterAdmin;
      const none = await app.get(nowhere);
      app.viewer.is = owner;
      if (method === 'get' && !path.includes('jobs')) expect(theirs.text).toBe(none.text);
    }
    const requests = app.virtualmin.requests.filter(
      (query) => query.get('domain') === 'example.org',
    );
    expect(requests).toEqual([]);
  });

  test('it is not in the list', async () => {
    app.viewer.is = owner;
    const { text } = await app.get('/');
    expect(text).toContain('href="/domains/example.com"');
    expect(text).not.toContain('example.org');
  });
});
