import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { bobPath, refresh, useBrowser, violations } from '../helpers/pages';
import { answerUsers, recording, userValues } from '../helpers/virtualmin';

const browser = useBrowser();

describe('copying', () => {
  /** The copied text; the click ends before the clipboard is filled. */
  async function copied(page: Page, expected: string): Promise<unknown> {
    let found: unknown;
    for (let tries = 0; tries < 50 && found !== expected; tries++) {
      if (tries > 0) await page.waitForTimeout(100);
      found = await page.evaluate('navigator.clipboard.readText()');
    }
    return found;
  }

  test('copies a value exactly and confirms it', async () => {
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

  test('"Copy all" copies the plain text', async () => {
    const page = await browser.open(bobPath, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy all' }).click();
    const { text } = await browser.app.get(`${bobPath}/settings.txt`);
    expect(await copied(page, text)).toBe(text);
  });

  test('copies from the table in two clicks', async () => {
    const page = await browser.open('/domains/example.com', {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy user name zoe.example' }).click();
    expect(await copied(page, 'zoe.example')).toBe('zoe.example');
  });

  test('selects the value if the clipboard is not available', async () => {
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

describe('the waiting page', () => {
  /** Delays list-users for one domain, which is not cached, until the returned function is called. */
  function hold(domain: string): () => void {
    browser.app.clock.now += 16 * 60_000;
    let release: (() => void) | undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    browser.app.virtualmin.override = (query, response) => {
      if (query.get('program') !== 'list-users' || query.get('domain') !== domain) return false;
      return released.then(() => response.end(recording('list-users.example.org.json')));
    };
    return () => release?.();
  }

  test.each([
    ['with JavaScript', 'example.org', true],
    ['without JavaScript', 'sub.example.com', false],
  ])('is replaced by the result, %s', async (_what, domain, javaScriptEnabled) => {
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

  test('is not in the browser history', async () => {
    const page = await browser.open('/');
    const release = hold('gone.example');
    await page.goto('/domains/gone.example?sort=name');
    await page.getByText('Waiting for Virtualmin').waitFor();
    release();
    await page.locator('table.mcs-mailboxes').waitFor();
    await page.goBack();
    expect(page.url()).toBe(`${browser.base}/`);
  });
});

test('markup in a name is shown as text, and a right-to-left name does not reorder the text after it', async () => {
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

test('the token disappears from the address and signs the browser in', async () => {
  const page = await browser.open('/');
  await page.context().clearCookies();
  await page.goto('/domains/example.com');
  expect(await page.locator('h1').textContent()).toBe('Access token needed');
  await page.goto('/domains/example.com?q=bob&token=token-for-the-tests');
  expect(page.url()).toBe(`${browser.base}/domains/example.com?q=bob`);
  await page.getByRole('link', { name: 'Open settings of bob@example.com' }).click();
  expect(await page.locator('h1').textContent()).toContain('bob@example.com');
});
