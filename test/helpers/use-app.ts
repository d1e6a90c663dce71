import { afterEach, beforeEach } from '@jest/globals';
import { startApp, type TestApp } from './app';

/** The app for the tests of a file, a new one for each test. */
export interface AppOfEachTest extends TestApp {
  /** Starts it again with these options. */
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
