import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { permissions } from '../../src/domain/viewer';
import { startApp, type TestApp } from '../helpers/app';
import { pathOf, routesOf, type AppRoute } from '../helpers/routes';

/** `GET /servers: check, master-admin` */
function inWords({ method, pattern, guards }: AppRoute): string {
  return `${method} ${pattern}: ${guards.join(', ')}`;
}

describe('every route', () => {
  let app: TestApp;
  let all: AppRoute[];
  let routes: string[];

  beforeAll(async () => {
    app = await startApp();
    all = routesOf(app);
    routes = all.map(inWords);
  });

  afterAll(() => {
    app.close();
  });

  test('declares what it requires of its viewer', () => {
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.filter((route) => route.endsWith(': '))).toEqual([]);
  });

  test.each([
    ['sheets', /sheet|\/send|\/jobs/, 'print'],
    ['mail server checks', /\/check|\/servers|\/discovery|\/try/, 'check'],
    ['every mail host', /\/servers/, 'master-admin'],
    ['brandings', /\/branding\/resellers|\/domains\/:domain\/branding/, 'branding'],
  ])('the required permissions of %s', (_name, path, requirement) => {
    const guarded = routes.filter((route) => path.test(route));
    expect(guarded.length).toBeGreaterThan(1);
    expect(guarded.filter((route) => !route.includes(requirement))).toEqual([]);
  });

  test('of a domain is closed to viewers who may not see the domain, in any spelling of its path', async () => {
    app.viewer.is = {
      user: 'eve',
      role: 'domain-owner',
      domains: new Set(['plain.example']),
      may: new Set(permissions),
    };
    const ofDomains = all.filter(({ pattern }) => pattern.includes('/:domain'));
    expect(ofDomains.length).toBeGreaterThan(20);
    for (const route of ofDomains) {
      const { method } = route;
      const path = pathOf(route);
      const spellings = [
        path,
        path.replace('/domains', '/Domains'),
        path.replace('example.com', 'EXAMPLE.COM'),
      ];
      for (const spelling of spellings) {
        const { status, text } = await (method === 'GET' ? app.get(spelling) : app.post(spelling));
        expect([method, spelling, status]).toEqual([method, spelling, 404]);
        expect(text).not.toContain('bob.example');
      }
    }
  });

  test('only the health check is public', () => {
    expect(routes.filter((route) => route.endsWith(': nothing'))).toEqual([
      'GET /healthz: nothing',
    ]);
  });
});
