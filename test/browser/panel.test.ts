import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launch } from '../helpers/browser';
import { startBundle, type RunningServer } from '../helpers/bundle';
import { colours, violations } from '../helpers/pages';

const shell = readFileSync(join(__dirname, 'authentic.html'), 'utf8');
const cgi = '/virtualmin-mail-setup/index.cgi';

let folder: string;
let app: RunningServer;
let panel: ChildProcess;
let base: string;
let session: string;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mail-setup-panel-'));
  const socket = join(folder, 'app.sock');
  app = await startBundle({ SOCKET_PATH: socket, LOG_LEVEL: 'silent' });
  const program = join(__dirname, '..', 'perl', 'lib', 'panel.pl');
  panel = spawn('perl', [program, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (panel.stdout === null) throw new Error('no output');
  const [line] = (await once(panel.stdout, 'data')) as [Buffer];
  const [port, id] = line.toString().trim().split(' ');
  base = `http://127.0.0.1:${String(port)}`;
  session = String(id);
  browser = await launch(folder);
});

afterAll(async () => {
  await browser.close();
  panel.stdin?.end();
  app.process.kill();
  await app.ended;
  rmSync(folder, { recursive: true, force: true });
});

/** A panel page with a theme that loads pages and sends forms by script. */
beforeEach(async () => {
  const context = await browser.newContext({ baseURL: base });
  await context.addCookies([{ name: 'sid', value: session, url: base }]);
  page = await context.newPage();
  await page.route(/:\d+\/(\?.*)?$/, (route) =>
    route.fulfill({ contentType: 'text/html', body: shell }),
  );
  await page.goto('/');
  await page.getByRole('link', { name: 'Mail Client Setup' }).click();
  // Shown by the script.
  await page.locator('[data-copy]:visible').first().waitFor();
});

afterEach(async () => {
  await page.context().close();
});

/** Changes the address of a link on the page. */
const leadTo = (link: string, address: string) =>
  page.evaluate(`document.querySelector('${link}').href = '${address}'`);

const path = () => new URL(page.url()).pathname.replace(cgi, '');

test('the scripts of each page work, page after page', async () => {
  const copies = page.locator('[data-copy]:visible');
  await copies.nth(3).waitFor();
  await page.getByRole('link', { name: 'Open' }).first().click();
  await page.getByRole('heading', { name: 'Incoming mail' }).waitFor();
  await copies.nth(3).waitFor();
  expect(path()).toMatch(/^\/domains\/example\.com\/mailboxes\/[^/]+$/);
});

test.each(['light', 'dark'])('every text has enough contrast in the %s theme', async (theme) => {
  if (theme === 'dark') await page.evaluate("document.documentElement.dataset.bgs = 'nightRider'");
  for (const there of [
    '/',
    '/domains/example.com',
    '/domains/example.net',
    '/domains/example.com/mailboxes/bob.example',
    '/domains/example.com/check',
    '/domains/nosuch.example',
    '/branding',
  ]) {
    await leadTo('#menu a', cgi + there);
    await page.getByRole('link', { name: 'Mail Client Setup' }).click();
    await page.waitForURL((url) => url.pathname === cgi + there);
    expect(await violations(page, colours, '.mail-setup')).toEqual([]);
  }
});

test('the refresh form and the search form work', async () => {
  await page.evaluate("document.querySelector('.mail-setup').id = 'before'");
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.locator('.mail-setup[data-started]:not(#before)').waitFor();
  await page.getByRole('searchbox').fill('zoe');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/q=zoe/);
  await page.locator('table.mcs-mailboxes tbody tr').nth(1).waitFor({ state: 'detached' });
  expect(await page.locator('table.mcs-mailboxes tbody tr').count()).toBe(1);
});

test('files for a selection are downloads, and sheets open in a page of their own', async () => {
  await page.locator('[name=login]').first().check();
  for (const [button, file] of [
    ['PDF', 'example.com-sheets.pdf'],
    ['CSV', 'example.com-mailboxes.csv'],
  ] as const) {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: button, exact: true }).click();
    expect((await download).suggestedFilename()).toBe(file);
  }
  const opened = page.context().waitForEvent('page');
  await page.getByRole('button', { name: 'Print', exact: true }).click();
  await (await opened).locator('.mcs-sheet').first().waitFor();
  expect(path()).toBe('/domains/example.com');
});

test('a domain whose name ends like that of a file is a page', async () => {
  const there = `${cgi}/domains/nosuch.zip`;
  await leadTo('.mail-setup nav a', there);
  await page.locator('.mail-setup nav a').first().click();
  await page.waitForURL((url) => url.pathname === there && url.search !== '');
  expect(await page.locator('#menu').isVisible()).toBe(true);
});

test('a download link makes its file once', async () => {
  await page.getByRole('link', { name: 'Open' }).first().click();
  await page.getByRole('heading', { name: 'Incoming mail' }).waitFor();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const download = page.waitForEvent('download');
  await page.locator('a[href$="/sheet.pdf"]').first().click();
  await download;
  expect(requests.filter((url) => url.endsWith('.pdf'))).toHaveLength(1);
});

test('a page that waits for Virtualmin shows the result without a reload, and leaves no timer', async () => {
  await page.addInitScript(`{
    const { setInterval: begin, clearInterval: end } = window;
    window.timers = new Set();
    window.setInterval = (...given) => {
      const timer = begin(...given);
      timers.add(timer);
      return timer;
    };
    window.clearInterval = (timer) => {
      timers.delete(timer);
      end(timer);
    };
  }`);
  await page.goto('/');
  await leadTo('#menu a', `${cgi}/domains/big.example`);
  await page.getByRole('link', { name: 'Mail Client Setup' }).click();
  await page.getByText('Waiting for Virtualmin').waitFor();
  expect(await page.evaluate('timers.size')).toBe(1);
  await page.locator('table.mcs-mailboxes').waitFor();
  expect(path()).toBe('/domains/big.example');
  expect(await page.evaluate('timers.size')).toBe(0);
});

describe('the copy of a page that the theme shows when the user goes back', () => {
  /** As Authentic does: elements with their attributes, without listeners. */
  const showCopy = async () => {
    await page.evaluate(`{
      const container = document.querySelector('[data-dcontainer]');
      document.querySelector('.mail-setup').id = 'before';
      container.replaceChildren(...[...container.childNodes].map((node) => node.cloneNode(true)));
      document.querySelector('.mail-setup').id = '';
      document.querySelector('.mcs-sticky').classList.remove('mcs-sticky');
    }`);
    await page.locator('.mcs-sticky').waitFor();
  };

  test('has no selection that was cleared after a file of it was made', async () => {
    const words = page.locator('[data-chosen]');
    await page.getByLabel('Select bob@example.com').check();
    await page.getByRole('searchbox').fill('zoe');
    await words.filter({ hasText: 'not on this page' }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV', exact: true }).click();
    await download;
    await page.getByRole('button', { name: 'Clear selection' }).click();
    await showCopy();
    expect(await words.textContent()).toMatch(/^Nothing selected/);
  });

  test('does not show the progress of a job that it no longer follows', async () => {
    await page.getByLabel('Select bob@example.com').check();
    // Before its script has begun, the page downloads a PDF without progress.
    await page.locator('[data-chosen]').filter({ hasNotText: 'Nothing selected' }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PDF', exact: true }).click();
    await download;
    await page.getByText('Done. Sheets: 1.').first().waitFor();
    await showCopy();
    expect(await page.locator('[data-progress]').isVisible()).toBe(false);
  });
});

test('a page that was left does not change the selection', async () => {
  const held: (() => void)[] = [];
  await page.getByLabel('Select bob@example.com').check();
  await page.route(/\/logins\.json/, async (route) => {
    await new Promise<void>((resolve) => held.push(resolve));
    await route.continue();
  });
  await page.getByRole('button', { name: 'Select all 5' }).click();
  await leadTo('#menu a', `${cgi}/`);
  await page.getByRole('link', { name: 'Mail Client Setup' }).click();
  await page.locator('table.mcs-mailboxes').waitFor({ state: 'detached' });
  const answers = page.waitForResponse(/\/logins\.json/);
  for (const release of held) release();
  await (await answers).finished();
  await page.waitForTimeout(200);
  const kept = await page.evaluate<string>("sessionStorage.getItem('mail-setup-selection')");
  expect(kept).toContain('bob.example');
  expect(kept).not.toContain('zoe.example');
});

test('an error is shown', async () => {
  await leadTo('.mail-setup nav a', `${cgi}/domains/nosuch.example`);
  await page.locator('.mail-setup nav a').first().click();
  await page.getByText('There is no such domain in Virtualmin.').waitFor();
});
