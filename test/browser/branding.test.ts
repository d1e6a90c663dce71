import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useBrowser, violations } from '../helpers/pages';

const browser = useBrowser();

describe('the branding page', () => {
  const logo = {
    name: 'logo.svg',
    mimeType: 'image/svg+xml',
    buffer: Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10" fill="#14509b"/></svg>',
    ),
  };
  const host = '#preview .mcs-host';
  const isThere = (page: Page, picture: string) =>
    page.evaluate(`document.querySelector('${picture}').decode().then(() => true)`);

  test('previews while typing, saves, and changes the sheets', async () => {
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
    expect(await isThere(sheet, '.mcs-sheet .mcs-host img')).toBe(true);
    expect(await violations(sheet)).toEqual([]);
  });

  test('previews by its button without JavaScript', async () => {
    const page = await browser.open('/domains/plain.example/branding', {
      javaScriptEnabled: false,
    });
    await page.getByLabel('Name').fill('Plain Hosting');
    await page.getByLabel('Logo').setInputFiles(logo);
    await page.getByRole('button', { name: 'Preview' }).click();
    expect(await page.locator(host).textContent()).toContain('Plain Hosting');
    // The file is not required again.
    await page.getByRole('button', { name: 'Save' }).click();
    expect(page.url()).toBe(`${browser.base}/domains/plain.example/branding?saved=1`);
    expect(await page.getByAltText('The present logo').count()).toBe(1);
  });
});
