import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { permissions } from '../../src/domain/viewer';
import type { Guard } from '../../src/web/access';
import { startApp, type TestApp } from '../helpers/app';

interface Layer {
  readonly handle: Partial<Guard> & { readonly stack?: readonly Layer[] };
  readonly method?: string;
  readonly route?: { readonly path: string | readonly string[]; readonly stack: readonly Layer[] };
}

/** Every route of the app with the requirements of the guards before its handler: `GET /servers: check, master-admin`. */
function routesOf(stack: readonly Layer[]): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (route === undefined) return routesOf(handle.stack ?? []);
    const methods = [...new Set(route.stack.map(({ method = '' }) => method))];
    return methods.flatMap((method) => {
      const layers = route.stack.filter((layer) => layer.method === method);
      const handler = layers.findIndex((layer) => layer.handle.requirement === undefined);
      const guards = layers.slice(0, handler).flatMap((layer) => layer.handle.requirement ?? []);
      return [route.path]
        .flat()
        .map((path) => `${method.toUpperCase()} ${path}: ${guards.join(', ')}`);
    });
  });
}

const parameters: Readonly<Record<string, string>> = {
  domain: 'example.com',
  login: 'bob.example',
  kind: 'pdf',
  job: 'a-job-of-sheets',
};

describe('every route', () => {
  let app: TestApp;
  let routes: string[];

  beforeAll(async () => {
    app = await startApp();
    routes = routesOf((app.app.router as unknown as { stack: readonly Layer[] }).stack);
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
    const ofDomains = routes.filter((route) => route.includes('/:domain'));
    expect(ofDomains.length).toBeGreaterThan(20);
    for (const route of ofDomains) {
      const [method = '', pattern = ''] = route.replace(/: [^:]*$/, '').split(' ');
      const path = pattern.replace(/[:*](\w+)/g, (_all, name: string) => parameters[name] ?? name);
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
