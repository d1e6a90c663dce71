import { describe, expect, test } from '@jest/globals';
import { bobPath, colours, everyPage, overflowOf, useBrowser, violations } from '../helpers/pages';

const browser = useBrowser();

describe('axe reports nothing, and nothing overflows at 320 pixels', () => {
  test.each(everyPage)('%s', async (_what, path) => {
    const page = await browser.open(path, { viewport: { width: 1280, height: 800 } });
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations(page, colours)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await violations(page)).toEqual([]);
    expect(await overflowOf(page)).toBe(0);
  });
});

describe('keyboard navigation', () => {
  test('the first focus stop is a link that skips the header', async () => {
    const page = await browser.open('/domains/example.com');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#main$/);
  });

  test('reaches a sheet from the table', async () => {
    const page = await browser.open('/domains/example.com');
    await page.getByLabel('Select zoe@example.com').focus();
    await page.keyboard.press('Space');
    expect(await page.getByText('1 mailbox selected.').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Print', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/sheets$/);
    expect(await page.locator('.mcs-sheet').count()).toBe(1);
    expect(await page.locator('.mcs-sheet h2').textContent()).toBe('zoe@example.com');
  });

  test('every focus stop has a visible focus', async () => {
    const page = await browser.open(bobPath);
    const outline =
      '(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) > 1)(getComputedStyle(document.activeElement))';
    for (let stop = 0; stop < 15; stop++) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(outline)).toBe(true);
    }
  });
});
