import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';
import { accessToken, startApp, type TestApp } from './app';

/** The app on its own port, in a real browser. */
export interface BrowserApp {
  readonly app: TestApp;
  readonly base: string;
  /** Opens a page with the access token; problems reported by the browser are added to `problems`. */
  readonly open: (path: string, options?: BrowserContextOptions) => Promise<Page>;
  /** Script errors, violations of the content security policy, requests to other servers. */
  readonly problems: string[];
  /** Closes all open pages. */
  readonly closePages: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser with this home folder. */
export function launch(home: string): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
    env: { ...process.env, HOME: home },
  });
}

export async function startBrowser(...options: Parameters<typeof startApp>): Promise<BrowserApp> {
  const app = await startApp(...options);
  const server = app.app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const home = mkdtempSync(join(tmpdir(), 'mail-setup-browser-'));
  const browser = await launch(home);
  const problems: string[] = [];
  const contexts: BrowserContext[] = [];
  return {
    app,
    base,
    problems,
    async open(path, contextOptions = {}) {
      const context = await browser.newContext({ baseURL: base, ...contextOptions });
      contexts.push(context);
      await context.addCookies([{ name: 'mail_setup_token', value: accessToken, url: base }]);
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error' && !/status of [45]\d\d/.test(message.text()))
          problems.push(`${page.url()}: ${message.text()}`);
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(base)) problems.push(`request to ${request.url()}`);
      });
      await page.goto(path);
      return page;
    },
    async closePages() {
      await Promise.all(contexts.splice(0).map((context) => context.close()));
    },
    async close() {
      await browser.close();
      server.close();
      server.closeAllConnections();
      app.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
