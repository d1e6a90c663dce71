import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { bobPath, refresh, useBrowser, violations } from '../helpers/pages';
import { answerUsers, recording, userValues } from '../helpers/virtualmin';

const browser = useBrowser();

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

test('markup in a name is text, and a name from right to left disturbs nothing after it', async () => {
  answerUsers(
    browser.app.virtualmin,
    userValues({ unix_username: 'rtl.x', real_name: 'שלום <b onmouseover=alert(1)>עולם' }),
  );
  await refresh(browser, '/domains/dash.example');
  const page = await browser.open('/domains/dash.example');
  const name = page.locator('td[data-label="Real name"] bdi');
  expect(await name.textContent()).toBe('שלום <b onmouseover=alert(1)>עולם');
  expect(await page.locator('td b').count()).toBe(0);
  browser.app.virtualmin.override = null;
  await refresh(browser, '/domains/dash.example');
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
