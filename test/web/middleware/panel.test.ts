import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { permissions } from '../../../src/domain/viewer';
import { parseViewer } from '../../../src/panel/panel-viewer';
import { startApp, type TestApp } from '../../helpers/app';

const root = {
  user: 'root',
  role: 'master-admin',
  domains: '*',
  pages: '/virtualmin-mail-setup/index.cgi',
  assets: '/virtualmin-mail-setup/assets',
  help: '/help.cgi/virtualmin-mail-setup',
  may: ['see', 'print', 'check'],
  token: '0123456789abcdef0123456789abcdef',
  language: 'en',
};

const header = (viewer: unknown) => Buffer.from(JSON.stringify(viewer)).toString('base64');

describe('the viewer named by the panel', () => {
  test('a master admin sees everything', () => {
    expect(parseViewer(header(root))).toEqual({
      ...root,
      domains: 'all',
      may: new Set(permissions),
    });
  });

  test('everyone else sees only the named domains, and invalid names are ignored', () => {
    const domains = ['Example.com', 'sub.example.com', '../x', '', 7, null, '*'];
    expect(parseViewer(header({ ...root, role: 'domain-owner', domains }))).toMatchObject({
      role: 'domain-owner',
      domains: new Set(['example.com', 'sub.example.com']),
    });
    expect(parseViewer(header({ ...root, domains: [] }))?.domains).toEqual(new Set());
  });

  test.each(['//evil.example', 'javascript:alert(1)', '/"><script>', 7, undefined])(
    'help at another place is ignored: %s',
    (help) => {
      expect(parseViewer(header({ ...root, help }))?.help).toBe('');
    },
  );

  test.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['no Base64', '{}'],
    ['no JSON', Buffer.from('{').toString('base64')],
    ['null', header(null)],
    ['a list', header([root])],
    ['no user', header({ ...root, user: '' })],
    ['an invalid user', header({ ...root, user: 7 })],
    ['no role', header({ ...root, role: undefined })],
    ['an unknown role', header({ ...root, role: 'constructor' })],
    ['no domains', header({ ...root, domains: undefined })],
    ['no permissions', header({ ...root, may: undefined })],
    ['no token', header({ ...root, token: undefined })],
    ['a token that is easy to guess', header({ ...root, token: '1234' })],
    ['domains that are not a list', header({ ...root, domains: 'all' })],
    ["another host's address", header({ ...root, pages: '//evil.example/' })],
    ['an address with a scheme', header({ ...root, pages: 'javascript:alert(1)' })],
    ['an address with markup', header({ ...root, assets: '/"><script>' })],
  ])('an invalid viewer is refused: %s', (_what, value) => {
    expect(parseViewer(value)).toBeNull();
  });
});

describe('in the panel', () => {
  let app: TestApp;
  const get = (path: string, viewer: unknown = root, settings = '') =>
    request(app.app)
      .get(path)
      .set('Mail-Setup-Viewer', header(viewer))
      .set('Mail-Setup-Panel', header({ settings }));
  const post = (path: string, form: string, viewer: unknown = root) =>
    request(app.app)
      .post(path)
      .set('Mail-Setup-Viewer', header(viewer))
      .set('Mail-Setup-Panel', header({ settings: '' }))
      .type('form')
      .send(form);

  beforeAll(async () => {
    const nothing = () => Promise.resolve([]);
    const discovery = { resolve: nothing, names: { mx: nothing, srv: nothing } };
    app = await startApp({ panel: true, discovery });
  });

  afterAll(() => {
    app.close();
  });

  test('the automatic setup names the answer service to whoever can turn it on, until it is on', async () => {
    const path = '/domains/example.com/mailboxes/bob.example/discovery';
    const named = async (viewer: unknown, settings = '') =>
      (await get(path, viewer, settings)).text.includes('client_answers');
    expect(await named(root)).toBe(true);
    expect(await named({ ...root, role: 'domain-owner', domains: ['example.com'] })).toBe(false);
    expect(await named(root, 'client_answers=login')).toBe(false);
    expect(await named(root, 'client_answers=login\nclient_answers@example.com=off')).toBe(true);
  });

  test.each([
    ['/', 'Mail Client Setup', '', 'intro'],
    ['/domains/xn--mnchen-3ya.example', 'Mail Client Setup', 'münchen.example', 'mailboxes'],
    [
      '/domains/example.com/mailboxes/bob.example',
      'Mail Client Setup',
      'bob@example.com',
      'mailbox',
    ],
    ['/domains/nosuch.example', 'Not found', '', 'error'],
  ])(
    '%s is a part of a page with its title and its help page',
    async (path, title, subtitle, help) => {
      const { headers, text } = await get(path);
      const decoded = (name: string) => decodeURIComponent(headers[name] ?? '');
      expect(decoded('mail-setup-title')).toBe(title);
      expect(decoded('mail-setup-subtitle')).toBe(subtitle);
      expect(headers['mail-setup-help']).toBe(help);
      // The panel prints the title.
      expect(text).not.toContain('<h1');
      expect(text).not.toMatch(/<(!DOCTYPE|html|head|body|main|title|meta)\b/i);
      expect(text.match(/<div/g)?.length).toBe(text.match(/<\/div>/g)?.length);
      for (const [, address = ''] of text.matchAll(/(?:href|action|src)="(\/[^"]*)"/g)) {
        expect(address).toMatch(/^\/virtualmin-mail-setup\/(index\.cgi|assets)\//);
      }
    },
  );

  test.each([
    ['fr', 'fr', 'Le nom d’utilisateur est'],
    ['de.UTF-8', 'de', 'Der Benutzername ist'],
    ['nl_BE', 'nl', 'De gebruikersnaam is'],
    ['ja', 'en', 'User name is'],
    ['../en', 'en', 'User name is'],
    [undefined, 'en', 'User name is'],
  ])('a page is in the language of the viewer: %s', async (language, code, words) => {
    const path = '/domains/example.com/mailboxes/bob.example';
    const { text } = await get(path, { ...root, language });
    expect(text).toContain(`<div class="mail-setup" lang="${code}" dir="ltr">`);
    expect(text).toContain(words);
  });

  test("the panel's language has priority over the browser's", async () => {
    const { text } = await get('/', { ...root, language: 'en' }).set('Accept-Language', 'fr');
    expect(text).toContain('Choose a domain');
  });

  test('sheets are whole documents, and may be shown in a frame of the panel', async () => {
    const { headers, text } = await get('/domains/example.com/sheets');
    expect(headers).not.toHaveProperty('mail-setup-title');
    expect(headers).not.toHaveProperty('mail-setup-help');
    expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
    expect(text).toMatch(/^<!DOCTYPE html>[^]*<\/html>\s*$/);
    // Webmin refuses to show help to a link without a referrer.
    const link = 'href="/help.cgi/virtualmin-mail-setup/sheets" referrerpolicy="same-origin"';
    expect(text).toContain(link);
    const { text: without } = await get('/domains/example.com/sheets', { ...root, help: '' });
    expect(without).not.toContain('help.cgi');
  });

  test('a request without a viewer is refused, whatever else is sent', async () => {
    const bare = await request(app.app)
      .get('/?token=token-for-the-tests')
      .set('Authorization', 'Bearer token-for-the-tests');
    expect(bare.status).toBe(403);
  });

  test('a request without settings is refused: the defaults may be wrong here', async () => {
    const { status } = await request(app.app).get('/').set('Mail-Setup-Viewer', header(root));
    expect(status).toBe(403);
  });

  test('new settings apply from the request that brings them', async () => {
    const path = '/domains/example.com/mailboxes/bob.example/settings.json';
    const portOf = async (settings: string) => {
      const answer = await get(path, root, settings);
      return (answer.body as { outgoing: { port: number }[] }).outgoing[0]?.port;
    };
    expect(await portOf('')).toBe(587);
    expect(await portOf('submission_port=2587')).toBe(2587);
    expect(await portOf('submission_port=2587\nsubmission_port@example.com=3587')).toBe(3587);
    expect(await portOf('')).toBe(587);
  });

  test('an invalid setting is named, and no mail settings are shown', async () => {
    const { status, text } = await get('/domains/example.com', root, 'imap_port=143x');
    expect(status).toBe(500);
    expect(text).toContain('Module Config: imap_port must be a port from 1 to 65535, or off');
    expect(text).not.toContain('bob.example');
    expect((await get('/domains/example.com')).status).toBe(200);
  });

  test("the message about an invalid setting is in the viewer's language", async () => {
    const french = { ...root, language: 'fr.UTF-8' };
    const mistake = await get('/domains/example.com', french, 'imap_port=143x');
    expect(decodeURIComponent(String(mistake.headers['mail-setup-title']))).toBe(
      'Les réglages de ce module comportent une erreur',
    );
    expect(mistake.text).toContain(
      '<span lang="fr">Module Config : imap_port doit être un port de 1 à 65535, ou off</span>',
    );
    const kept = await get('/domains/example.com', { ...french, may: [] });
    expect([kept.status, kept.text]).toEqual([
      403,
      expect.stringContaining('Vous n’avez pas le droit de voir les paramètres'),
    ]);
  });

  test.each([
    '/domains/example.com',
    '/domains/example.com/check',
    '/domains/example.com/mailboxes/bob.example/try',
    '/domains/example.com/sheets',
    '/domains/example.com/sheets.pdf',
    '/domains/example.com/mailboxes.csv',
    '/domains/example.com/jobs/abcdefgh/cancel',
    '/domains/example.com/mailboxes/bob.example',
    '/domains/example.com/mailboxes/bob.example/send',
    '/',
    '/branding',
  ])('a form to %s without the token of its page is refused', async (path) => {
    for (const token of ['', 'token=x', `token=${root.token}&token=${root.token}`]) {
      const { status, text } = await post(path, `selected=1&login=bob.example&${token}`);
      expect([path, token, status]).toEqual([path, token, 403]);
      expect(text).not.toContain('bob@example.com');
    }
  });

  test('a form with a file needs the token too', async () => {
    const sent = request(app.app)
      .post('/branding')
      .set('Mail-Setup-Viewer', header(root))
      .set('Mail-Setup-Panel', header({ settings: '' }));
    expect((await sent.field('host_name', 'x')).status).toBe(403);
  });

  test('every form of a page contains its token', async () => {
    const paths = ['/', '/domains/example.com', '/domains/example.com/mailboxes/bob.example'];
    for (const path of paths) {
      const { text } = await get(path);
      const forms = [...text.matchAll(/<form method="post"[^]*?<\/form>/g)].map(([form]) => form);
      expect(forms.length).toBeGreaterThan(0);
      for (const form of forms) expect(form).toContain(`name="token" value="${root.token}"`);
    }
    const sheets = await post(
      '/domains/example.com/sheets',
      `selected=1&matching=1&token=${root.token}`,
    );
    expect(sheets.status).toBe(200);
    expect(sheets.text).toContain(`name="token" value="${root.token}"`);
  });

  test('a viewer without permission to print sees the settings, and no print links', async () => {
    const reader = { ...root, may: ['see'] };
    const mailbox = '/domains/example.com/mailboxes/bob.example';
    for (const path of ['/domains/example.com', mailbox]) {
      const { status, text } = await get(path, reader);
      expect(status).toBe(200);
      expect(text).not.toMatch(/\/sheets?[."]|\/send"|>Print/);
    }
    const { text } = await get(mailbox);
    expect(text).toContain('/sheet"');
    for (const path of [
      '/domains/example.com/sheets',
      '/domains/example.com/sheets.pdf',
      '/domains/example.com/sheets.zip',
      '/domains/example.com/jobs/abcdefgh.json',
      `${mailbox}/sheet`,
      `${mailbox}/sheet.pdf`,
      `${mailbox}/send`,
    ]) {
      expect([path, (await get(path, reader)).status]).toEqual([path, 403]);
    }
    expect((await get('/domains/example.org/sheets.pdf', { ...reader, domains: [] })).status).toBe(
      404,
    );
  });

  test('a viewer without permission to see settings sees nothing', async () => {
    const viewer = { ...root, may: ['print'] };
    for (const path of ['/', '/domains/example.com', '/domains/example.com/mailboxes.json']) {
      expect([path, (await get(path, viewer)).status]).toEqual([path, 403]);
    }
  });

  test('role and domains of a request apply to that request only', async () => {
    const owner = { ...root, user: 'o', role: 'domain-owner', domains: ['example.com'] };
    const paths = ['/domains/example.com', '/domains/example.org', '/domains/example.com/branding'];
    const statuses = await Promise.all(
      paths
        .flatMap((path) => [get(path), get(path, owner)])
        .map(async (response) => (await response).status),
    );
    expect(statuses).toEqual([200, 200, 200, 404, 404, 404]);
  });
});
