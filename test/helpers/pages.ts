import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { Probes } from '../../src/probe/probes';
import { startBrowser, type BrowserApp } from './browser';
import { makeAuthority, startMailPorts } from './mail-ports';

/**
 * The app with every feature enabled, in a browser, for the tests of a file. Its mail servers accept the password
 * "right" for bob@example.com. After each test the pages are closed, and the test fails if one had a problem.
 */
export function useBrowser(): BrowserApp {
  const browser = {} as BrowserApp;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    const authority = makeAuthority();
    closing.push(authority.remove);
    const ports = await startMailPorts(authority.issue(['mail.example.com']), {
      'bob.example': 'right',
    });
    closing.push(ports.close);
    const brandings = mkdtempSync(join(tmpdir(), 'brandings-'));
    closing.push(() => {
      rmSync(brandings, { recursive: true });
    });
    const started = await startBrowser({
      demo: true,
      settings: 'webmail_url=https://webmail.{domain}/',
      brandings,
      probes: new Probes({
        resolve: (host) => Promise.resolve(host === 'mail.example.com' ? ['127.0.0.1'] : []),
        roots: authority.root,
        portOf: ports.portOf,
      }),
      discovery: {
        resolve: () => Promise.resolve([]),
        names: {
          mx: () => Promise.resolve([{ exchange: 'mail.example.com', priority: 10 }]),
          srv: (name) =>
            Promise.resolve([
              { name: 'mail.example.com', port: name.length, priority: 0, weight: 1 },
            ]),
        },
      },
      mail: {
        from: { name: 'Example Hosting', address: 'support@host.example' },
        transport: { kind: 'smtp', host: '127.0.0.1', port: 9 },
      },
    });
    closing.push(started.close);
    Object.assign(browser, started);
  }, 60_000);

  afterEach(async () => {
    await browser.closePages();
    browser.app.virtualmin.override = null;
    expect(browser.problems.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  return browser;
}

export const bobPath = '/domains/example.com/mailboxes/bob.example';

/** A mailbox whose address has an internationalised domain: info@münchen.example. */
export const umlautPath = '/domains/xn--mnchen-3ya.example/mailboxes/info.mnchen-3ya';

export const everyPage = [
  ['virtual servers', '/'],
  ['no match', '/?q=nowhere'],
  ['mailboxes', '/domains/example.com'],
  ['mailboxes by name', '/domains/example.com?sort=name&order=desc&q=ex'],
  ['alias', '/domains/example.net'],
  ['disabled domain', '/domains/gone.example'],
  ['without mail', '/domains/nomail.example'],
  ['internationalised', '/domains/xn--mnchen-3ya.example'],
  ['names in many scripts', '/domains/plain.example'],
  ['mailbox', bobPath],
  ['mailbox of an internationalised domain', umlautPath],
  ['mailbox with other addresses', '/domains/example.com/mailboxes/zoe.example'],
  ['disabled mailbox', '/domains/example.com/mailboxes/off.example'],
  ['sheet', `${bobPath}/sheet`],
  ['sheets', '/domains/example.com/sheets'],
  ['send', `${bobPath}/send`],
  ['what clients find', `${bobPath}/discovery`],
  ['what clients find in a domain', '/domains/example.com/discovery'],
  ['what clients find without mail', '/domains/nomail.example/discovery'],
  ['mail servers of a domain', '/domains/example.com/check'],
  ['mail servers that are not there', '/domains/example.org/check'],
  ['mail servers', '/servers'],
  ['branding', '/branding'],
  ['branding of a domain', '/domains/example.com/branding'],
  ['not found', '/domains/nosuch.example'],
] as const;

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** The only rules of axe whose result depends on the colours. */
export const colours = { runOnly: ['color-contrast', 'link-in-text-block'] };

/** The violations that axe reports, one line each. Evaluated by the debugger, because the page's policy allows no other script. */
export async function violations(page: Page, options = {}, within = 'html'): Promise<string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>(
    `axe.run('${within}', ${JSON.stringify({ resultTypes: ['violations'], ...options })})`,
  );
  return results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
  );
}

/** The horizontal overflow of a page, in pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
}

/** Refreshes the cached answer of a domain. */
export async function refresh(browser: BrowserApp, path: string): Promise<void> {
  await browser.app.post(path);
}
