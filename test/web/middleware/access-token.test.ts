import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { accessToken, startApp, type TestApp } from '../../helpers/app';

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => {
  app.close();
});

const everyPath = [
  '/',
  '/assets/style.css',
  '/domains/example.com',
  '/domains/example.com/mailboxes.json',
  '/domains/example.com/mailboxes.csv',
  '/domains/example.com/sheets',
  '/domains/example.com/mailboxes/bob.example',
  '/domains/example.com/mailboxes/bob.example/settings.txt',
  '/domains/example.com/mailboxes/bob.example/settings.json',
  '/domains/example.com/mailboxes/bob.example/sheet',
  '/domains/nosuch.example',
  '/nothing',
  '/domains/%',
];

describe('without the token', () => {
  test.each(everyPath)('%s reveals nothing', async (path) => {
    for (const address of [
      path,
      `${path}?token=wrong`,
      `${path}?token=${accessToken}&token=${accessToken}`,
    ]) {
      const response = await request(app.app).get(address);
      expect(response.status).toBe(401);
      expect(response.text).not.toContain('bob');
    }
    expect((await request(app.app).post(path)).status).toBe(401);
    expect(app.virtualmin.requests).toEqual([]);
  });

  test.each([
    ['wrong bearer', 'Authorization', 'Bearer wrong'],
    ['another scheme', 'Authorization', `Basic ${accessToken}`],
    ['wrong cookie', 'Cookie', 'mail_setup_token=wrong'],
    ['broken cookie', 'Cookie', 'mail_setup_token=%'],
    ['cookie of another name', 'Cookie', `token=${accessToken}`],
  ])('%s: refused', async (_what, header, value) => {
    expect((await request(app.app).get('/').set(header, value)).status).toBe(401);
  });

  test('only /healthz answers', async () => {
    const response = await request(app.app).get('/healthz');
    expect([response.status, response.text]).toEqual([200, 'ok\n']);
  });

  test('programs get the refusal in their format', async () => {
    const response = await request(app.app).get('/domains/example.com/mailboxes.json');
    expect(response.body).toMatchObject({ error: { code: 'unauthorized' } });
  });
});

describe('with the token', () => {
  test('it becomes a cookie and disappears from the address', async () => {
    const response = await request(app.app).get(`/domains/example.com?q=a+b&token=${accessToken}`);
    expect([response.status, response.headers.location]).toEqual([
      303,
      '/domains/example.com?q=a+b',
    ]);
    expect(String(response.headers['set-cookie'])).toBe(
      `mail_setup_token=${accessToken}; Path=/; HttpOnly; SameSite=Strict`,
    );
  });

  test('the redirect stays on this host', async () => {
    const response = await request(app.app).get(`//evil.example/?token=${accessToken}`);
    expect(response.headers.location).not.toMatch(/^\/\/|^http/);
  });

  test('the cookie works beside other cookies', async () => {
    const cookie = `a=b; mail_setup_token=stale; mail_setup_token=${accessToken}`;
    expect((await request(app.app).get('/').set('Cookie', cookie)).status).toBe(200);
  });

  test('a Bearer header works', async () => {
    expect((await app.get('/')).status).toBe(200);
  });
});

describe('a form from another site', () => {
  const post = (headers: Record<string, string>) =>
    request(app.app)
      .post('/')
      .set({ Cookie: `mail_setup_token=${accessToken}`, Host: '127.0.0.1:8025', ...headers });

  test.each([
    ['marked by the browser', { 'Sec-Fetch-Site': 'cross-site' }],
    ['of the same site', { 'Sec-Fetch-Site': 'same-site' }],
    ['of another origin', { Origin: 'http://evil.example' }],
    ['of another port', { Origin: 'http://127.0.0.1:8026' }],
    ['without an Origin header', { Origin: 'null' }],
  ])('is refused: %s', async (_what, headers) => {
    expect((await post(headers)).status).toBe(401);
  });

  test.each([
    ['marked by the browser', { 'Sec-Fetch-Site': 'same-origin' }],
    ['of our origin', { Origin: 'http://127.0.0.1:8025' }],
  ])('a form of this site is accepted: %s', async (_what, headers) => {
    expect((await post(headers)).status).toBe(303);
  });
});
