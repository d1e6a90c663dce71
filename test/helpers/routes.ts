import type { Guard } from '../../src/web/access';
import type { TestApp } from './app';

interface Layer {
  readonly handle: Partial<Guard> & { readonly stack?: readonly Layer[] };
  readonly method?: string;
  readonly route?: { readonly path: string | readonly string[]; readonly stack: readonly Layer[] };
}

/** A route of the app with the requirements of the guards before its handler. */
export interface AppRoute {
  readonly method: 'GET' | 'POST';
  /** As it is written in the code: `/domains/:domain`. */
  readonly pattern: string;
  readonly guards: readonly string[];
}

/** Every route of the app, one for each of its methods and paths. */
export function routesOf({ app }: TestApp): AppRoute[] {
  return inStack((app.router as unknown as { stack: readonly Layer[] }).stack);
}

function inStack(stack: readonly Layer[]): AppRoute[] {
  return stack.flatMap(({ route, handle }) => {
    if (route === undefined) return inStack(handle.stack ?? []);
    const methods = [...new Set(route.stack.map(({ method = '' }) => method))];
    return methods.flatMap((method) => {
      const layers = route.stack.filter((layer) => layer.method === method);
      const handler = layers.findIndex((layer) => layer.handle.requirement === undefined);
      const guards = layers.slice(0, handler).flatMap((layer) => layer.handle.requirement ?? []);
      return [route.path].flat().map((pattern) => ({
        method: method.toUpperCase() as AppRoute['method'],
        pattern,
        guards,
      }));
    });
  });
}

const parameters: Readonly<Record<string, string>> = {
  domain: 'example.com',
  login: 'bob.example',
  kind: 'pdf',
  job: 'a-job-of-sheets',
};

/** A path that a route matches. */
export function pathOf({ pattern }: AppRoute): string {
  return pattern.replace(/[:*](\w+)/g, (_all, name: string) => parameters[name] ?? name);
}
