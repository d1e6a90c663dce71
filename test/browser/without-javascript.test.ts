import { describe, expect, test } from '@jest/globals';
import { bobPath, useBrowser } from '../helpers/pages';

const browser = useBrowser();

describe('without JavaScript', () => {
  const off = { javaScriptEnabled: false };

  test('buttons that need it are hidden', async () => {
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

  test('search, order, pages, selection and refresh work', async () => {
    const page = await browser.open('/domains/example.com', off);
    await page.getByLabel('Search').fill('zoe');
    await page.getByRole('button', { name: 'Search' }).click();
    expect(await page.locator('tbody tr').count()).toBe(1);
    expect(page.url()).toBe(`${browser.base}/domains/example.com?q=zoe`);
    await page.getByRole('button', { name: 'Show all 5' }).click();
    await page.getByRole('button', { name: 'Username' }).click();
    expect(await page.locator('th[aria-sort=ascending]').textContent()).toContain('Username');
    await page.getByRole('button', { name: 'Refresh' }).click();
    expect(page.url()).toMatch(/sort=login/);
    await page.getByLabel('Select bob@example.com').check();
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    expect(await page.locator('.mcs-sheet h2').allTextContents()).toEqual(['bob@example.com']);
    await page.goto('/domains/example.com?q=e%40example');
    await page.getByRole('button', { name: 'Select all 3 that match' }).click();
    await page.getByText('3 mailboxes selected.').waitFor();
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    const matching = ['alice@example.com', 'example@example.com', 'zoe@example.com'];
    expect(await page.locator('.mcs-sheet h2').allTextContents()).toEqual(matching);
    await page.getByLabel('Language').selectOption('de');
    await page.getByLabel('iPhone and iPad').uncheck();
    await page.getByRole('button', { name: 'Show' }).click();
    expect(await page.locator('.mcs-sheet h2').allTextContents()).toEqual(matching);
    expect(await page.locator('.mcs-sheet .mcs-kind').first().textContent()).toBe(
      'E-Mail-Einstellungen',
    );
    expect(await page.locator('.mcs-sheet h4').allTextContents()).not.toContain('iPhone und iPad');
  });

  test('the selection stays when the page is turned, sorted and searched', async () => {
    const page = await browser.open('/domains/big.example?wait=1', off);
    const words = page.getByRole('status').first();
    await page.getByLabel('Select user0002@big.example').check();
    await page.getByRole('button', { name: 'Next' }).click();
    expect(await words.textContent()).toBe('1 mailbox selected, not on this page.');
    await page.getByLabel('Select user0101@big.example').check();
    await page.getByRole('button', { name: 'Real name' }).click();
    expect(await words.textContent()).toContain('2 mailboxes selected');
    await page.getByLabel('Search').fill('user0002');
    await page.getByLabel('Search').press('Enter');
    expect(await words.textContent()).toBe('2 mailboxes selected, 1 of them on this page.');
    await page.getByLabel('Select user0002@big.example').uncheck();
    await page.getByRole('button', { name: 'Show all 5,000' }).click();
    expect(await words.textContent()).toMatch(/^1 mailbox selected/);
    await page.getByRole('button', { name: 'Print', exact: true }).click();
    expect(await page.locator('.mcs-sheet h2').allTextContents()).toEqual(['user0101@big.example']);
    await page.goto('/domains/big.example');
    await page.getByRole('button', { name: 'Select all 5,000' }).click();
    expect(await words.textContent()).toBe('All 5,000 mailboxes selected.');
    await page.getByRole('button', { name: 'Clear selection' }).click();
    expect(await words.textContent()).toMatch(/^Nothing selected/);
    await page.getByRole('button', { name: 'PDF' }).click();
    await page.getByText('Tick the mailboxes first').waitFor();
  });

  test('the plain text can be selected', async () => {
    const page = await browser.open(bobPath, off);
    await page.getByText('Everything as plain text').click();
    expect(await page.getByLabel('Everything as plain text').inputValue()).toContain(
      'User name:      bob.example',
    );
  });
});
