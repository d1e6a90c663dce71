import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Guard } from '../../src/web/access';
import { startApp, type TestApp } from '../helpers/app';

interface Layer {
  readonly handle: Partial<Guard> & { readonly stack?: readonly Layer[] };
  readonly method?: string;
  readonly route?: { readonly path: string | readonly string[]; readonly stack: readonly Layer[] };
}

/** Every route of the app with the requirements of its guards: `GET /servers: check, master-admin`. */
function routesOf(stack: readonly Layer[]): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (route === undefined) return routesOf(handle.stack ?? []);
    const methods = [...new Set(route.stack.map(({ method = '' }) => method))];
    return methods.map((method) => {
      const required = route.stack.flatMap((layer) =>
        layer.method === method ? (layer.handle.requirement ?? []) : [],
      );
      return `${method.toUpperCase()} ${String(route.path)}: ${required.join(', ')}`;
    });
  });
}

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

  test('only the health check is public', () => {
    expect(routes.filter((route) => route.endsWith(': nothing'))).toEqual([
      'GET /healthz: nothing',
    ]);
  });
});
