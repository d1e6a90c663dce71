import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { parseViewer } from '../../src/middleware/panel';
import { startApp, type TestApp } from '../helpers/app';

const root = {
  user: 'root',
  role: 'master-admin',
  domains: '*',
  pages: '/virtualmin-mail-setup/index.cgi',
  assets: '/virtualmin-mail-setup/assets',
};

const header = (viewer: unknown) => Buffer.from(JSON.stringify(viewer)).toString('base64');

describe('who is looking, as the panel says it', () => {
  test('a master admin sees everything', () => {
    expect(parseViewer(header(root))).toEqual({ ...root, domains: 'all' });
  });

  test('everyone else sees the domains that are named, and of names only what is one', () => {
    const domains = ['Example.com', 'sub.example.com', '../x', '', 7, null, '*'];
    expect(parseViewer(header({ ...root, role: 'domain-owner', domains }))).toMatchObject({
      role: 'domain-owner',
      domains: new Set(['example.com', 'sub.example.com']),
    });
    expect(parseViewer(header({ ...root, domains: [] }))?.domains).toEqual(new Set());
  });

  test.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['no Base64', '{}'],
    ['no JSON', Buffer.from('{').toString('base64')],
    ['null', header(null)],
    ['a list', header([root])],
    ['no user', header({ ...root, user: '' })],
    ['a user that is none', header({ ...root, user: 7 })],
    ['no role', header({ ...root, role: undefined })],
    ['a role that is none', header({ ...root, role: 'constructor' })],
    ['no domains', header({ ...root, domains: undefined })],
    ['domains that are no list', header({ ...root, domains: 'all' })],
    ["another host's address", header({ ...root, pages: '//evil.example/' })],
    ['an address with a scheme', header({ ...root, pages: 'javascript:alert(1)' })],
    ['an address with markup', header({ ...root, assets: '/"><script>' })],
  ])('%s is nobody', (_what, value) => {
    expect(parseViewer(value)).toBeNull();
  });
});

describe('in the panel', () => {
  let app: TestApp;
  const get = (path: string, viewer: unknown = root) =>
    request(app.app).get(path).set('Mail-Setup-Viewer', header(viewer));

  beforeAll(async () => {
    app = await startApp({ panel: true });
  });

  afterAll(() => {
    app.close();
  });

  test.each([
    ['/', 'Mail Client Setup'],
    ['/domains/xn--mnchen-3ya.example', 'Mail Client Setup · münchen.example'],
    ['/domains/example.com/mailboxes/bob.example', 'bob@example.com · Mail Client Setup'],
    ['/domains/nosuch.example', 'Not found'],
  ])('%s is a piece of a page that says its title', async (path, title) => {
    const { headers, text } = await get(path);
    expect(decodeURIComponent(String(headers['mail-setup-title']))).toBe(title);
    expect(text).not.toMatch(/<(!DOCTYPE|html|head|body|main|title|meta)\b/i);
    expect(text.match(/<div/g)?.length).toBe(text.match(/<\/div>/g)?.length);
    for (const [, address = ''] of text.matchAll(/(?:href|action|src)="(\/[^"]*)"/g)) {
      expect(address).toMatch(/^\/virtualmin-mail-setup\/(index\.cgi|assets)\//);
    }
  });

  test('sheets are whole documents, and may stand in a frame of the panel', async () => {
    const { headers, text } = await get('/domains/example.com/sheets');
    expect(headers).not.toHaveProperty('mail-setup-title');
    expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self'");
    expect(text).toMatch(/^<!DOCTYPE html>[^]*<\/html>\s*$/);
  });

  test('without a viewer there is nothing, whatever else is sent', async () => {
    const bare = await request(app.app)
      .get('/?token=token-for-the-tests')
      .set('Authorization', 'Bearer token-for-the-tests');
    expect(bare.status).toBe(403);
  });

  test('the role and the domains of each request count for that request alone', async () => {
    const owner = { ...root, user: 'o', role: 'domain-owner', domains: ['example.com'] };
    const paths = ['/domains/example.com', '/domains/example.org', '/domains/example.com/branding'];
    const statuses = await Promise.all(
      paths
        .flatMap((path) => [get(path), get(path, owner)])
        .map(async (asked) => (await asked).status),
    );
    expect(statuses).toEqual([200, 200, 200, 404, 404, 404]);
  });
});
