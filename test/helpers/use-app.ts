import { afterEach, beforeEach } from '@jest/globals';
import { startApp, type TestApp } from './app';

/** A new app for each test of a file. */
export interface AppOfEachTest extends TestApp {
  /** Restarts the app with these options. */
  readonly restart: (...options: Parameters<typeof startApp>) => Promise<void>;
}

export function useApp(): AppOfEachTest {
  const app = {
    async restart(...options: Parameters<typeof startApp>) {
      app.close();
      Object.assign(app, await startApp(...options));
    },
  } as AppOfEachTest;

  beforeEach(async () => {
    Object.assign(app, await startApp());
  });

  afterEach(() => {
    app.close();
  });

  return app;
}
