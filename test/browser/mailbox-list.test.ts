import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { overflowOf, refresh, useBrowser, violations } from '../helpers/pages';
import { recording } from '../helpers/virtualmin';

const browser = useBrowser();

/** Opens a list and waits for its script. */
async function open(path: string, options = {}): Promise<Page> {
  const page = await browser.open(path, options);
  await page.locator('.mcs-sticky').waitFor();
  return page;
}

const rows = (page: Page) => page.locator('table.mcs-mailboxes tbody tr');
const selected = (page: Page) => page.locator('[data-chosen]');
const said = (page: Page, text: string | RegExp) =>
  page.locator('#live').filter({ hasText: text }).waitFor({ state: 'attached' });

describe('filtering while typing', () => {
  test('shows the matches, says their number, and keeps the focus and the address', async () => {
    const page = await open('/domains/example.com');
    const before = await page.evaluate('history.length');
    await page.getByLabel('Search').pressSequentially('zoe', { delay: 20 });
    await page.keyboard.press('ArrowLeft');
    await said(page, '1 of 5 mailboxes matches.');
    expect(await rows(page).count()).toBe(1);
    expect(await page.evaluate('[document.activeElement.id, document.activeElement.selectionStart]')).toEqual(['q', 2]); // prettier-ignore
    expect(page.url()).toBe(`${browser.base}/domains/example.com?q=zoe`);
    expect(await page.evaluate('history.length')).toBe(before);
    await page.getByLabel('Search').fill('');
    await said(page, 'No filter.');
    expect(await rows(page).count()).toBe(5);
    expect(page.url()).toBe(`${browser.base}/domains/example.com`);
  });

  test('sends no request for each letter, and drops an answer that a newer one has overtaken', async () => {
    const page = await open('/domains/example.com');
    const requests: string[] = [];
    let release: (() => void) | undefined;
    await page.route(/\/list\?/, async (route) => {
      requests.push(new URL(route.request().url()).searchParams.get('q') ?? '');
      if (requests.length === 1) await new Promise<void>((resolve) => (release = resolve));
      await route.continue().catch(() => undefined);
    });
    await page.getByLabel('Search').pressSequentially('bo', { delay: 20 });
    await expectEventually(() => requests.length, 1);
    await page.getByLabel('Search').fill('zoe');
    await page.getByLabel('Select zoe@example.com').waitFor();
    await expectEventually(() => rows(page).count(), 1);
    release?.();
    await page.waitForTimeout(300);
    expect(requests).toEqual(['bo', 'zoe']);
    expect(await rows(page).first().textContent()).toContain('zoe@example.com');
  });

  test('an address with umlauts is shown and found in both forms', async () => {
    const page = await open('/domains/xn--mnchen-3ya.example', {
      viewport: { width: 320, height: 800 },
    });
    const one = rows(page).filter({ hasText: 'info@xn--mnchen-3ya.example' });
    expect(await one.innerText()).toContain('info@münchen.example');
    expect(await overflowOf(page)).toBe(0);
    for (const typed of ['info@münchen', 'INFO@MUNCHEN', 'info@xn--mnchen']) {
      await page.getByLabel('Search').fill(typed);
      await said(page, '1 of 2 mailboxes matches.');
      expect(await rows(page).count()).toBe(1);
      expect(await one.count()).toBe(1);
      await page.getByLabel('Search').fill('');
      await said(page, 'No filter.');
    }
    await one.getByRole('link', { name: 'Open' }).click();
    const shown = (await page.locator('main').innerText()).replace(/\s+/g, ' ');
    expect(shown).toContain('info@xn--mnchen-3ya.example');
    expect(shown).toContain('The same address, as people read it: info@münchen.example');
    expect(await overflowOf(page)).toBe(0);
  });

  test('the boxes filter too, and "Show all" ends both', async () => {
    const page = await open('/domains/big.example?wait=1');
    await page.getByLabel('only user names that differ').check();
    await said(page, '4,500 of 5,000 mailboxes match.');
    await page.getByLabel('Search').fill('nobody');
    await said(page, 'No mailbox matches.');
    expect(await page.getByText('No mailbox matches “nobody”.').isVisible()).toBe(true);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Show all 5,000' }).click();
    await said(page, 'No filter.');
    expect(await page.getByLabel('only user names that differ').isChecked()).toBe(false);
    expect(await page.evaluate('document.activeElement.id')).toBe('q');
    expect(await rows(page).count()).toBe(100);
  });

  test('the copy buttons of the new rows work', async () => {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const page = await open('/domains/example.com', { permissions });
    await page.getByLabel('Search').fill('zoe');
    await said(page, '1 of 5');
    await page.getByRole('button', { name: 'Copy user name zoe.example' }).click();
    await said(page, /^Copied\.$/);
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('zoe.example');
  });

  test('a server that does not answer is reported, and "Search" tries again', async () => {
    const page = await open('/domains/example.com');
    await page.route(/\/list/, (route) => route.abort());
    await page.getByLabel('Search').fill('zoe');
    await page.getByText('The list could not be loaded.').waitFor();
    expect(await rows(page).count()).toBe(5);
    await page.unroute(/\/list/);
    await page.getByRole('button', { name: 'Search' }).click();
    await expectEventually(() => rows(page).count(), 1);
    expect(await page.getByText('The list could not be loaded.').isVisible()).toBe(false);
    // Chromium reports the aborted request itself.
    browser.problems.splice(0);
  });

  test('what was typed but not loaded counts when the list is sorted', async () => {
    const page = await open('/domains/example.com');
    await page.route(/\/list/, (route) => route.abort());
    await page.getByLabel('Search').fill('zoe');
    await page.getByText('The list could not be loaded.').waitFor();
    await page.unroute(/\/list/);
    await page.getByRole('button', { name: 'Username' }).click();
    await page.locator('th[aria-sort=ascending]', { hasText: 'Username' }).waitFor();
    expect(await rows(page).count()).toBe(1);
    expect(page.url()).toMatch(/q=zoe/);
    // Chromium reports the aborted request itself.
    browser.problems.splice(0);
  });

  test('an answer that is not a list is shown as a page', async () => {
    const page = await open('/domains/example.com');
    await page.route(/\/list/, (route) => route.fulfill({ status: 202, body: 'wait' }));
    await page.getByLabel('Search').fill('zoe');
    await page.waitForURL(/q=zoe/);
    expect(await page.getByLabel('Search').inputValue()).toBe('zoe');
    expect(await rows(page).count()).toBe(1);
  });
});

describe('the selection', () => {
  test('survives the page turn, sorting, the filter, a reload and a visit to a mailbox', async () => {
    const page = await open('/domains/big.example?wait=1');
    await page.getByLabel('Select user0002@big.example').check();
    await page.getByLabel('Select user0003@big.example').check();
    expect(await selected(page).textContent()).toBe('2 mailboxes selected.');
    await page.getByRole('button', { name: 'Next' }).click();
    await said(page, 'Page 2 of 50');
    expect(page.url()).toMatch(/page=2$/);
    expect(await page.evaluate('document.activeElement.tagName')).toBe('TABLE');
    expect(await selected(page).textContent()).toBe(
      '2 mailboxes selected, none of them on this page.',
    );
    await page.getByLabel('Select user0101@big.example').check();
    await page.getByRole('button', { name: 'Username' }).click();
    await page.locator('th[aria-sort=ascending]', { hasText: 'Username' }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Username');
    await page.getByLabel('Search').fill('user0002');
    await said(page, '1 of 5,000 mailboxes matches.');
    expect(await page.getByLabel('Select user0002@big.example').isChecked()).toBe(true);
    await page.getByLabel('Select user0002@big.example').uncheck();
    await page.reload();
    await page.getByText('2 mailboxes selected, none of them on this page.').waitFor();
    await page.getByRole('link', { name: /^Open/ }).first().click();
    await page.getByRole('heading', { name: 'Incoming mail' }).waitFor();
    await page.goBack();
    await page.getByText('2 mailboxes selected, none of them on this page.').waitFor();
    await page.goBack();
    await page.getByText('Page 2 of 50').waitFor();
    await page.getByText('2 mailboxes selected, 1 of them on this page.').waitFor();
    expect(await page.getByLabel('Select user0101@big.example').isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    await page.waitForURL(/sheets$/);
    expect(await page.locator('.mcs-sheet h2').allTextContents()).toEqual([
      'user0003@big.example',
      'user0101@big.example',
    ]);
    // The choices above the sheets keep it.
    await page.getByRole('button', { name: 'Show' }).click();
    expect(await page.locator('.mcs-sheet').count()).toBe(2);
  });

  test('one click selects a page, all that match, or all; one clears it', async () => {
    const page = await open('/domains/big.example?wait=1');
    const matching = page.getByRole('button', { name: 'Select all 100 that match' });
    await page.getByLabel('Tick all on this page').check();
    expect(await selected(page).textContent()).toBe('100 mailboxes selected.');
    await page.getByLabel('Select user0002@big.example').uncheck();
    expect(await selected(page).textContent()).toBe('99 mailboxes selected.');
    const mixed = 'document.querySelector("[data-tick-all]").indeterminate';
    expect(await page.evaluate(mixed)).toBe(true);
    await page.getByLabel('Search').fill('user12');
    await matching.click();
    await page.getByText('199 mailboxes selected, 100 of them on this page.').waitFor();
    await page.getByRole('button', { name: 'Select all 5,000' }).click();
    await page.getByText('All 5,000 mailboxes selected.').waitFor();
    await page.getByRole('button', { name: 'Clear selection' }).click();
    expect(await selected(page).textContent()).toBe(
      'Nothing selected: tick mailboxes, or press “Select all 5,000”.',
    );
    expect(await page.locator('[name=login]:checked').count()).toBe(0);
  });

  test('without one, a button says so and sends nothing', async () => {
    const page = await open('/domains/example.com');
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    for (const name of ['Print', 'PDF', 'ZIP', 'CSV']) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('alert').filter({ hasText: 'Tick the mailboxes first' }).waitFor();
    }
    expect(requests).toEqual([]);
    await page.getByLabel('Select bob@example.com').check();
    expect(await page.getByText('Tick the mailboxes first').isVisible()).toBe(false);
  });

  test('an answer that comes after "Clear selection" selects nothing', async () => {
    const page = await open('/domains/example.com');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/\/logins\.json/, async (route) => {
      await held;
      await route.continue();
    });
    const answer = page.waitForResponse(/\/logins\.json/);
    await page.getByRole('button', { name: 'Select all 5' }).click();
    await page.getByRole('button', { name: 'Clear selection' }).click();
    release();
    await (await answer).finished();
    await page.waitForTimeout(200);
    expect(await selected(page).textContent()).toMatch(/^Nothing selected/);
  });

  test('is the latest one on a page that the browser has kept', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    await page.evaluate(`{
      const all = JSON.parse(sessionStorage.getItem('mail-setup-selection'));
      all.domains['example.com'].logins = ['zoe.example'];
      sessionStorage.setItem('mail-setup-selection', JSON.stringify(all));
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    }`);
    expect(await page.getByLabel('Select bob@example.com').isChecked()).toBe(false);
    expect(await page.getByLabel('Select zoe@example.com').isChecked()).toBe(true);
  });

  test('stays in its domain', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    await page.goto('/domains/example.org');
    await page.getByText(/^Nothing selected/).waitFor();
    await page.goto('/domains/example.com');
    await page.getByText('1 mailbox selected.').waitFor();
  });

  test('is not that of the next viewer in the same browser', async () => {
    const { viewer } = browser.app;
    const { is } = viewer;
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).toContain('bob.example');
    viewer.is = { ...is, user: 'somebody-else' };
    try {
      await page.reload();
      await page.locator('.mcs-sticky').waitFor();
      await page.getByText(/^Nothing selected/).waitFor();
      expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).not.toContain('bob');
    } finally {
      viewer.is = is;
    }
  });

  test('is not compared with an answer that is older than the list', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    browser.app.clock.now += 1000;
    await refresh(browser, '/domains/example.com');
    await page.route(/\/logins\.json/, (route) => route.fulfill({ json: { asOf: 1, logins: [] } }));
    const answer = page.waitForResponse(/\/logins\.json/);
    await page.reload();
    await (await answer).finished();
    await page.waitForTimeout(200);
    expect(await selected(page).textContent()).toBe('1 mailbox selected.');
  });

  test('leaves out a mailbox that no longer exists, and says so', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    await page.getByLabel('Select zoe@example.com').check();
    const kept = recording('list-users.example.com.json').toString();
    browser.app.virtualmin.override = (query, response) => {
      if (query.get('program') !== 'list-users') return false;
      response.end(kept.replaceAll('zoe.example', 'renamed.example'));
      return true;
    };
    browser.app.clock.now += 1000;
    await refresh(browser, '/domains/example.com');
    await page.reload();
    await page
      .getByRole('alert')
      .filter({ hasText: /^1 selected mailbox no longer exists .*: zoe\.example$/ })
      .waitFor();
    expect(await selected(page).textContent()).toBe('1 mailbox selected.');
    expect(await violations(page)).toEqual([]);
    browser.app.virtualmin.override = null;
    await refresh(browser, '/domains/example.com');
  });
});

describe('the head of the table', () => {
  const box = (page: Page, selector: string) =>
    page.evaluate<{ top: number; bottom: number }>(
      `(({ top, bottom }) => ({ top, bottom }))(document.querySelector('${selector}').getBoundingClientRect())`,
    );

  test('and the selection stay visible while scrolling, and cover no focused control', async () => {
    const page = await open('/domains/big.example?wait=1', {
      viewport: { width: 1280, height: 800 },
    });
    await page.evaluate('scrollTo(0, 2500)');
    const [bar, head] = [await box(page, '.mcs-bar'), await box(page, 'thead th')];
    expect(bar.top).toBe(0);
    expect(Math.abs(head.top - bar.bottom)).toBeLessThan(1);
    // Backwards, so that the focus moves up behind the head.
    await page.getByLabel('Select user0060@big.example').focus();
    for (let stop = 0; stop < 60; stop++) {
      await page.keyboard.press('Shift+Tab');
      const top = await page.evaluate('document.activeElement.getBoundingClientRect().top');
      expect(top).toBeGreaterThanOrEqual((await box(page, 'thead th')).bottom);
    }
  });

  test('covers no row on paper', async () => {
    const page = await open('/domains/example.com', { viewport: { width: 1280, height: 800 } });
    const positions = () =>
      page.evaluate(
        "['.mcs-bar', 'thead th'].map((one) => getComputedStyle(document.querySelector(one)).position)",
      );
    expect(await positions()).toEqual(['sticky', 'sticky']);
    await page.emulateMedia({ media: 'print' });
    expect(await positions()).toEqual(['static', 'static']);
  });

  test('has one font', async () => {
    const page = await open('/domains/example.com');
    const fontOf = (selector: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('thead ${selector}')).font`);
    expect(await fontOf('.mcs-sort')).toBe(await fontOf('.mcs-settings'));
  });

  test('scrolls away on a phone, where each row is a card', async () => {
    const page = await open('/domains/example.com', { viewport: { width: 390, height: 640 } });
    await page.evaluate('scrollTo(0, 900)');
    expect((await box(page, '.mcs-bar')).bottom).toBeLessThan(0);
    await page.getByRole('button', { name: 'Username' }).click();
    await page.locator('th[aria-sort=ascending]', { hasText: 'Username' }).waitFor();
  });
});

describe('files of the selection', () => {
  test('the PDF is downloaded, and the page says that it is complete', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PDF' }).click();
    expect((await download).suggestedFilename()).toBe('example.com-sheets.pdf');
    await page.locator('[data-progress]', { hasText: 'Done. Sheets: 1.' }).waitFor();
    expect(await page.getByRole('progressbar').isVisible()).toBe(false);
  });

  test('a long job shows its progress, tells screen readers a few steps, and can be cancelled', async () => {
    const page = await open('/domains/big.example?wait=1');
    await page.evaluate(
      'window.heard = []; new MutationObserver(() => heard.push(document.getElementById("live").textContent)).observe(document.getElementById("live"), { childList: true })',
    );
    await page.getByRole('button', { name: 'Select all 5,000' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PDF' }).click();
    await page.getByText('The sheets are being prepared.', { exact: true }).first().waitFor();
    await page.getByText(/^Sheets: [1-9]\d* of 4,\d\d\d$/).waitFor();
    const bar = page.getByRole('progressbar');
    expect(Number(await bar.getAttribute('value'))).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('[data-progress]', { hasText: 'Cancelled.' }).waitFor();
    expect(await (await download).failure()).not.toBeNull();
    expect(await page.getByRole('button', { name: 'Cancel' }).isVisible()).toBe(false);
    expect(await page.evaluate('heard')).toEqual(['The sheets are being prepared.', 'Cancelled.']);
  });

  test('a job that fails is not reported as done', async () => {
    const page = await open('/domains/example.com');
    await page.getByLabel('Select bob@example.com').check();
    await page.route(/\/jobs\/.*\.json$/, (route) =>
      route.fulfill({ json: { done: 0, total: 1, state: 'failed' } }),
    );
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'ZIP' }).click();
    await download;
    await page.locator('[data-progress]', { hasText: 'The file is not complete' }).waitFor();
  });
});

async function expectEventually<T>(measure: () => T | Promise<T>, expected: T): Promise<void> {
  let found = await measure();
  for (let tries = 0; tries < 50 && found !== expected; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await measure();
  }
  expect(found).toBe(expected);
}
