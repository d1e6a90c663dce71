import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import clients from '../../src/guides/clients.json';
import { Probes } from '../../src/probe/probes';
import {
  makeAuthority,
  startMailPorts,
  type Authority,
  type MailPorts,
} from '../helpers/mail-ports';
import { startBrowser, type BrowserApp } from '../helpers/browser';
import { answerUsers, recording, userValues } from '../helpers/virtualmin';

let browser: BrowserApp;
let brandings: string;
let authority: Authority;
let ports: MailPorts;

beforeAll(async () => {
  authority = makeAuthority();
  ports = await startMailPorts(authority.issue(['mail.example.com']), { 'bob.example': 'right' });
  brandings = mkdtempSync(join(tmpdir(), 'brandings-'));
  browser = await startBrowser({
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
}, 60_000);

afterEach(async () => {
  await browser.closePages();
  browser.app.virtualmin.override = null;
  expect(browser.problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser.close();
  ports.close();
  authority.remove();
  rmSync(brandings, { recursive: true });
});

/** Forgets what was kept of a domain, so that the next page shows what a test lets Virtualmin answer. */
async function refresh(path: string): Promise<void> {
  await browser.app.post(path);
}

const bobPath = '/domains/example.com/mailboxes/bob.example';

const everyPage = [
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
  ['mailbox with other addresses', '/domains/example.com/mailboxes/zoe.example'],
  ['disabled mailbox', '/domains/example.com/mailboxes/off.example'],
  ['sheet', `${bobPath}/sheet`],
  ['sheets', '/domains/example.com/sheets'],
  ['send', `${bobPath}/send`],
  ['what clients find', `${bobPath}/discovery`],
  ['what clients find in a domain', '/domains/example.com/discovery'],
  ['mail servers of a domain', '/domains/example.com/check'],
  ['mail servers that are not there', '/domains/example.org/check'],
  ['mail servers', '/servers'],
  ['branding', '/branding'],
  ['branding of a domain', '/domains/example.com/branding'],
  ['not found', '/domains/nosuch.example'],
] as const;

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, a line each. Evaluated by the debugger: the page's policy lets no script in. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>('axe.run()');
  return results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
  );
}

describe('axe finds nothing', () => {
  test.each(everyPage)('%s', async (_what, path) => {
    const page = await browser.open(path, { viewport: { width: 1280, height: 800 } });
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await violations(page)).toEqual([]);
  });
});

describe('nothing runs out of a page of 320 pixels', () => {
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

  // English, and the languages with the longest words and the longest sentences.
  const each = ['en', 'de', 'fr'].flatMap((locale) =>
    everyPage.map(([what, path]) => [locale, what, path] as const),
  );

  test.each(each)('in %s: %s', async (locale, _what, path) => {
    const viewport = { width: 320, height: 640 };
    const page = await browser.open(path, { viewport, locale });
    expect(await page.evaluate(overflow)).toBe(0);
  });

  test.each([320, 1024])('names of 120 characters at %i pixels', async (width) => {
    const long = 'x'.repeat(64);
    answerUsers(
      browser.app.virtualmin,
      userValues({
        unix_username: `${long}.${long}`,
        email_address: `${long}@${long.slice(4)}.example.com`,
        real_name: 'W'.repeat(120),
        extra_addresses: `${'y'.repeat(64)}@example.com`,
      }),
    );
    await refresh('/domains/dash.example');
    const login = `${long}.${long}`;
    for (const path of ['', `/mailboxes/${login}`, `/mailboxes/${login}/sheet`]) {
      const page = await browser.open(`/domains/dash.example${path}`, {
        viewport: { width, height: 640 },
      });
      expect([path, await page.evaluate(overflow)]).toEqual([path, 0]);
    }
    browser.app.virtualmin.override = null;
    await refresh('/domains/dash.example');
  });
});

describe('copying', () => {
  /** What was copied: a click is over before it is there. */
  async function copied(page: Page, expected: string): Promise<unknown> {
    let found: unknown;
    for (let tries = 0; tries < 50 && found !== expected; tries++) {
      if (tries > 0) await page.waitForTimeout(100);
      found = await page.evaluate('navigator.clipboard.readText()');
    }
    return found;
  }

  test('a value is copied as it is, and said to be', async () => {
    const page = await browser.open(bobPath, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    for (const [name, value] of [
      ['Copy E-mail address', 'bob@example.com'],
      ['Copy User name', 'bob.example'],
      ['Copy Incoming mail: Server', 'mail.example.com'],
      ['Copy Incoming mail: Port', '143'],
      ['Copy Incoming mail: Port 993', '993'],
      ['Copy Outgoing mail: Port', '587'],
      ['Copy Outgoing mail: Security', 'STARTTLS'],
      ['Copy Outgoing mail: User name', 'bob.example'],
    ] as const) {
      await page.getByRole('button', { name, exact: true }).click();
      expect(await copied(page, value)).toBe(value);
      await page
        .getByRole('status')
        .filter({ hasText: /^Copied\.$/ })
        .waitFor({ state: 'attached' });
    }
  });

  test('"Copy all" is the plain text', async () => {
    const page = await browser.open(bobPath, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy all' }).click();
    const { text } = await browser.app.get(`${bobPath}/settings.txt`);
    expect(await copied(page, text)).toBe(text);
  });

  test('from the table, in two clicks', async () => {
    const page = await browser.open('/domains/example.com', {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy user name zoe.example' }).click();
    expect(await copied(page, 'zoe.example')).toBe('zoe.example');
  });

  test('where the clipboard is not to be had the value is left selected', async () => {
    const page = await browser.open(bobPath);
    await page.evaluate(
      'Object.defineProperty(navigator, "clipboard", { value: undefined }); document.execCommand = () => false',
    );
    await page.getByRole('button', { name: 'Copy Incoming mail: User name' }).click();
    expect(await page.evaluate('String(getSelection())')).toBe('bob.example');
    await page
      .getByRole('status')
      .filter({ hasText: 'press Ctrl+C' })
      .waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Copy all' }).click();
    expect(
      await page.evaluate(
        'document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)',
      ),
    ).toContain('Incoming mail (IMAP)');
  });
});

describe('by keyboard', () => {
  test('the first stop leads past what every page has', async () => {
    const page = await browser.open('/domains/example.com');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#main$/);
  });

  test('from the table to a sheet', async () => {
    const page = await browser.open('/domains/example.com');
    await page.getByLabel('Select zoe@example.com').focus();
    await page.keyboard.press('Space');
    expect(await page.getByText('1 ticked').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Print', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/sheets$/);
    expect(await page.locator('.sheet').count()).toBe(1);
    expect(await page.locator('.sheet h2').textContent()).toBe('zoe@example.com');
  });

  test('every stop can be seen', async () => {
    const page = await browser.open(bobPath);
    const outline =
      '(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) > 1)(getComputedStyle(document.activeElement))';
    for (let stop = 0; stop < 15; stop++) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(outline)).toBe(true);
    }
  });
});

describe('without JavaScript', () => {
  const off = { javaScriptEnabled: false };

  test('no button that would do nothing', async () => {
    for (const path of ['/domains/example.com', bobPath, `${bobPath}/sheet`]) {
      const page = await browser.open(path, off);
      expect(await page.getByRole('button', { name: /^Copy/ }).count()).toBe(0);
      const prints = path === '/domains/example.com' ? 1 : 0;
      expect(await page.getByRole('button', { name: 'Print', exact: true }).count()).toBe(prints);
      expect(await page.getByLabel('Tick all').count()).toBe(prints);
      expect(await page.getByLabel('Tick all').isVisible()).toBe(false);
      expect(await page.getByLabel(/^Password of.*printed sheet only/).count()).toBe(
        path.endsWith('sheet') ? 1 : 0,
      );
      expect(await page.getByLabel(/^Password of.*printed sheet only/).isVisible()).toBe(false);
    }
  });

  test('search, order, pages, selection and refresh', async () => {
    const page = await browser.open('/domains/example.com', off);
    await page.getByLabel('Search').fill('zoe');
    await page.getByRole('button', { name: 'Search' }).click();
    expect(await page.locator('tbody tr').count()).toBe(1);
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByRole('link', { name: 'Username' }).click();
    expect(await page.locator('th[aria-sort=ascending]').textContent()).toContain('Username');
    await page.getByRole('button', { name: 'Refresh' }).click();
    expect(page.url()).toMatch(/sort=login/);
    await page.getByLabel('Select bob@example.com').check();
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    expect(await page.locator('.sheet h2').allTextContents()).toEqual(['bob@example.com']);
    await page.goto('/domains/example.com?q=e%40example');
    await page.getByLabel(/all that match/).check();
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    const matching = ['alice@example.com', 'example@example.com', 'zoe@example.com'];
    expect(await page.locator('.sheet h2').allTextContents()).toEqual(matching);
    await page.getByLabel('Language').selectOption('de');
    await page.getByLabel('iPhone and iPad').uncheck();
    await page.getByRole('button', { name: 'Show' }).click();
    expect(await page.locator('.sheet h2').allTextContents()).toEqual(matching);
    expect(await page.locator('.sheet .kind').first().textContent()).toBe('E-Mail-Einstellungen');
    expect(await page.locator('.sheet h4').allTextContents()).not.toContain('iPhone und iPad');
  });

  test('the plain text is there to be selected', async () => {
    const page = await browser.open(bobPath, off);
    await page.getByText('Everything as plain text').click();
    expect(await page.getByLabel('Everything as plain text').inputValue()).toContain(
      'User name:      bob.example',
    );
  });
});

describe('many sheets', () => {
  test('a page is ticked at once', async () => {
    const page = await browser.open('/domains/example.com');
    await page.getByLabel('Tick all on this page').check();
    expect(await page.getByText('5 ticked').isVisible()).toBe(true);
  });

  test('a PDF is a download', async () => {
    const page = await browser.open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PDF' }).click();
    expect((await download).suggestedFilename()).toBe('example.com-sheets.pdf');
  });

  test('a long one says how far it is, and can be cancelled', async () => {
    const page = await browser.open('/domains/big.example');
    await page.getByLabel(/all [0-9]/).check();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PDF' }).click();
    await page.getByText(/^[1-9]\d* of 4\d\d\d sheets$/).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor();
    expect(await (await download).failure()).not.toBeNull();
    expect(await page.getByRole('button', { name: 'Cancel' }).isVisible()).toBe(false);
  });
});

describe('waiting', () => {
  /** Keeps list-users for one domain waiting until what it returns is called. Nothing is known of it before. */
  function hold(domain: string): () => void {
    browser.app.clock.now += 16 * 60_000;
    let release: (() => void) | undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    browser.app.virtualmin.override = (asked, response) => {
      if (asked.get('program') !== 'list-users' || asked.get('domain') !== domain) return false;
      return released.then(() => response.end(recording('list-users.example.org.json')));
    };
    return () => release?.();
  }

  test.each([
    ['with JavaScript', 'example.org', true],
    ['without', 'sub.example.com', false],
  ])('the page fills in by itself, %s', async (_what, domain, javaScriptEnabled) => {
    const release = hold(domain);
    const page = await browser.open(`/domains/${domain}`, { javaScriptEnabled });
    const waiting = page.getByText('Waiting for Virtualmin');
    expect(await waiting.count()).toBe(1);
    if (javaScriptEnabled) {
      expect(await violations(page)).toEqual([]);
      await page.getByText('2 s', { exact: true }).waitFor();
    }
    release();
    await page.getByText('mailboxes log in').waitFor();
    expect(page.url()).toBe(`${browser.base}/domains/${domain}`);
  });

  test('the way back does not lead to the waiting page', async () => {
    const page = await browser.open('/');
    const release = hold('gone.example');
    await page.goto('/domains/gone.example?sort=name');
    await page.getByText('Waiting for Virtualmin').waitFor();
    release();
    await page.locator('table.mailboxes').waitFor();
    await page.goBack();
    expect(page.url()).toBe(`${browser.base}/`);
  });
});

describe('on paper', () => {
  const sheetsPath = '/domains/example.com/sheets';

  /** Chromium writes a page object for each page. */
  const pagesOf = (pdf: Buffer) => pdf.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g)?.length;

  test.each(['A4', 'Letter'])('a mailbox a page, on %s', async (format) => {
    const page = await browser.open(sheetsPath);
    expect(pagesOf(await page.pdf({ format }))).toBe(5);
    await page.goto(`${bobPath}/sheet`);
    expect(pagesOf(await page.pdf({ format }))).toBe(1);
  });

  test('nothing but the sheets', async () => {
    const page = await browser.open(sheetsPath);
    await page.emulateMedia({ media: 'print' });
    const seen = await page.evaluate(
      '[...document.body.querySelectorAll("*")].filter((e) => !e.closest(".sheet, .without") && !e.querySelector(".sheet") && e.getClientRects().length > 0 && !e.matches(".visually-hidden")).map((e) => e.outerHTML)',
    );
    expect(seen).toEqual([]);
  });

  test('a password typed on the sheet is on the paper and nowhere else', async () => {
    const page = await browser.open(`${bobPath}/sheet`);
    const asked: string[] = [];
    page.on('request', (request) => {
      // The browser may fetch the page's icon late.
      if (!request.url().includes('/assets/icon.svg')) asked.push(request.url());
    });
    const field = page.getByLabel('Password of bob@example.com, for the printed sheet only');
    await field.fill('Corr3ct-horse');
    await field.press('Enter');
    await page.emulateMedia({ media: 'print' });
    expect(await field.inputValue()).toBe('Corr3ct-horse');
    const outline = 'getComputedStyle(document.activeElement).outlineStyle';
    expect(await page.evaluate(outline)).toBe('none');
    expect((await field.boundingBox())?.height).toBeGreaterThan(20);
    await page.pdf({ format: 'A4' });
    expect(asked).toEqual([]);
    expect(page.url()).toBe(`${browser.base}${bobPath}/sheet`);
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
    await page.reload();
    expect(await field.inputValue()).toBe('');
    expect(browser.app.logged()).not.toContain('Corr3ct');
  });

  test('black on white, in the dark as well, with a line for the password', async () => {
    const page = await browser.open(`${bobPath}/sheet`, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const colours = 'getComputedStyle(document.querySelector(".sheet"))';
    expect(await page.evaluate(`${colours}.color`)).toBe('rgb(0, 0, 0)');
    expect(await page.evaluate(`${colours}.backgroundColor`)).toBe('rgb(255, 255, 255)');
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    const line = await page.locator('.line').boundingBox();
    expect(line?.width).toBeGreaterThan(200);
    expect(line?.height).toBeGreaterThan(30);
  });
});

describe('on paper, in every language, no text is cut, runs out, or lies on another', () => {
  /** Run in the page: the texts of a sheet that are not inside their own block, or lie on another block's. */
  const misplaced = `(() => {
    const found = [];
    const blocks = [...document.querySelectorAll('.sheet :is(p, dt, dd, li, h2, h3, h4, footer)')]
      .filter((block) => block.checkVisibility() && !block.closest('.visually-hidden'));
    const rects = [];
    for (const block of blocks) {
      const own = block.getBoundingClientRect();
      const sheet = block.closest('.sheet').getBoundingClientRect();
      const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
      for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        if (node.textContent.trim() === '' || node.parentElement.closest('p, dt, dd, li, h2, h3, h4, footer') !== block) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const rect of range.getClientRects()) {
          if (rect.width < 1) continue;
          rects.push({ block, rect, text: node.textContent });
          const across = rect.left < Math.max(own.left, sheet.left) - 1 || rect.right > Math.min(own.right, sheet.right) + 1;
          if (across && getComputedStyle(block).columnCount === 'auto' && !block.closest('.guides')) found.push('out: ' + node.textContent);
        }
      }
    }
    for (const [index, one] of rects.entries()) for (const other of rects.slice(index + 1)) {
      if (one.block === other.block) continue;
      const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
      const down = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
      if (across > 1 && down > one.rect.height * 0.3) found.push(one.text + ' | ' + other.text);
    }
    return found;
  })()`;

  const label = 'x'.repeat(60);
  const longest = userValues({
    unix_username: `${'wide.login'.repeat(6)}.${label}`,
    email_address: `${'M'.repeat(64)}@${label}.example.com`,
    real_name: 'Wilhelmina '.repeat(11),
    extra_addresses: `${'y'.repeat(64)}@example.com ${'z'.repeat(64)}@example.com`,
  });
  const all = clients.map(({ id }) => `client=${id}`).join('&');

  test.each(['en', 'fr', 'nl', 'de'])('%s', async (language) => {
    answerUsers(browser.app.virtualmin, userValues(), longest);
    await refresh('/domains/dash.example');
    for (const [paper, width] of [
      ['a4', 703],
      ['letter', 725],
    ] as const) {
      const page = await browser.open(
        `/domains/dash.example/sheets?lang=${language}&paper=${paper}&${all}`,
        { viewport: { width, height: 1000 } },
      );
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('.sheet').count()).toBe(2);
      expect(await page.evaluate(misplaced)).toEqual([]);
    }
    browser.app.virtualmin.override = null;
    await refresh('/domains/dash.example');
  });
});

describe('a branding', () => {
  const logo = {
    name: 'logo.svg',
    mimeType: 'image/svg+xml',
    buffer: Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#14509b"/></svg>',
    ),
  };
  const host = '#preview .host';
  const isThere = (page: Page, picture: string) =>
    page.evaluate(`document.querySelector('${picture}').decode().then(() => true)`);

  test('is seen while it is typed, then saved, and is on the sheets', async () => {
    const page = await browser.open('/domains/dash.example/branding');
    await page.getByLabel('Name').fill('Dash Hosting');
    await page.locator(`${host}:has-text("Dash Hosting")`).waitFor();
    await page.getByLabel('Logo').setInputFiles(logo);
    await page.locator(`${host} img`).waitFor();
    expect(await isThere(page, `${host} img`)).toBe(true);
    expect((await browser.app.get('/domains/dash.example/logo')).status).toBe(404);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Every sheet made from now on uses it.').waitFor();
    const sheet = await browser.open('/domains/dash.example/sheets');
    expect(await isThere(sheet, '.sheet .host img')).toBe(true);
    expect(await violations(sheet)).toEqual([]);
  });

  test('works without JavaScript, by its button', async () => {
    const page = await browser.open('/domains/plain.example/branding', {
      javaScriptEnabled: false,
    });
    await page.getByLabel('Name').fill('Plain Hosting');
    await page.getByLabel('Logo').setInputFiles(logo);
    await page.getByRole('button', { name: 'Preview' }).click();
    expect(await page.locator(host).textContent()).toContain('Plain Hosting');
    // The file is not asked for again.
    await page.getByRole('button', { name: 'Save' }).click();
    expect(page.url()).toBe(`${browser.base}/domains/plain.example/branding?saved=1`);
    expect(await page.getByAltText('The present logo').count()).toBe(1);
  });
});

describe('a login that is tried', () => {
  test.each([
    ['right', 'User name and password are right'],
    ['wrong', 'the password is wrong'],
  ])('with the %s password says so, and forgets it', async (password, words) => {
    const page = await browser.open(bobPath);
    await page.getByLabel('Password of bob.example').fill(password);
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText(words).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.getByLabel('Password of bob.example').inputValue()).toBe('');
    expect(page.url()).not.toContain(password);
    await page.setViewportSize({ width: 320, height: 640 });
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
  });
});

test('what the mail ports answer fills in by itself', async () => {
  const page = await browser.open('/domains/sub.example.com/check');
  await page.getByText('no address is known for mail.sub.example.com').first().waitFor();
  await page.locator('#results[data-running]').waitFor({ state: 'detached' });
});

test('the token in the address leaves it and lets the browser in', async () => {
  const page = await browser.open('/');
  await page.context().clearCookies();
  await page.goto('/domains/example.com');
  expect(await page.locator('h1').textContent()).toBe('Access token needed');
  await page.goto('/domains/example.com?q=bob&token=token-for-the-tests');
  expect(page.url()).toBe(`${browser.base}/domains/example.com?q=bob`);
  await page.getByRole('link', { name: 'Open settings of bob@example.com' }).click();
  expect(await page.locator('h1').textContent()).toContain('bob@example.com');
});

test('markup in a name is text, and a name from right to left disturbs nothing after it', async () => {
  answerUsers(
    browser.app.virtualmin,
    userValues({ unix_username: 'rtl.x', real_name: 'שלום <b onmouseover=alert(1)>עולם' }),
  );
  await refresh('/domains/dash.example');
  const page = await browser.open('/domains/dash.example');
  const name = page.locator('td[data-label="Real name"] bdi');
  expect(await name.textContent()).toBe('שלום <b onmouseover=alert(1)>עולם');
  expect(await page.locator('td b').count()).toBe(0);
  browser.app.virtualmin.override = null;
  await refresh('/domains/dash.example');
});
