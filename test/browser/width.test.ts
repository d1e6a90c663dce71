import { describe, expect, test } from '@jest/globals';
import { bobPath, everyPage, overflowOf, refresh, useBrowser } from '../helpers/pages';
import { answerUsers, userValues } from '../helpers/virtualmin';

const browser = useBrowser();

describe('nothing overflows the page', () => {
  // The languages with the longest words and the longest sentences; English is in accessibility.test.ts.
  test.each(['de', 'fr'])(
    '320 pixels, in %s',
    async (locale) => {
      const page = await browser.open('/', { viewport: { width: 320, height: 640 }, locale });
      for (const [what, path] of everyPage) {
        await page.goto(path);
        expect(await page.locator('html').getAttribute('lang')).toBe(locale);
        expect([what, await overflowOf(page)]).toEqual([what, 0]);
      }
    },
    60_000,
  );

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
    await refresh(browser, '/domains/dash.example');
    const login = `${long}.${long}`;
    for (const path of ['', `/mailboxes/${login}`, `/mailboxes/${login}/sheet`]) {
      const page = await browser.open(`/domains/dash.example${path}`, {
        viewport: { width, height: 640 },
      });
      expect([path, await overflowOf(page)]).toEqual([path, 0]);
    }
    browser.app.virtualmin.override = null;
    await refresh(browser, '/domains/dash.example');
  });
});

/** The flex containers with text of their own beside elements other than boxes to tick: each piece becomes a column, with a gap to the next. */
const torn = `[...document.querySelectorAll('*')]
  .filter((element) => getComputedStyle(element).display.endsWith('flex') && element.querySelector(':scope > :not(input)') !== null)
  .filter(({ childNodes }) => [...childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
  .map((element) => element.outerHTML)`;

test('no sentence is torn into columns', async () => {
  const page = await browser.open('/');
  for (const [what, path] of everyPage) {
    await page.goto(path);
    expect([what, await page.evaluate(torn)]).toEqual([what, []]);
  }
  const forwarded = { ...userValues(), forward_mail_to: ['someone@else.example'] };
  answerUsers(browser.app.virtualmin, forwarded);
  await refresh(browser, '/domains/example.com');
  await page.goto(bobPath);
  expect(await page.locator('.mcs-account').innerText()).toContain('someone@else.example');
  expect(await page.evaluate(torn)).toEqual([]);
  browser.app.virtualmin.override = null;
  await refresh(browser, '/domains/example.com');
}, 60_000);
