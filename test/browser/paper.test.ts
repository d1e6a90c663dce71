import { describe, expect, test } from '@jest/globals';
import clients from '../../src/guides/clients.json';
import { bobPath, refresh, umlautPath, useBrowser } from '../helpers/pages';
import { qrCodeIn } from '../helpers/qr';
import { answerUsers, userValues } from '../helpers/virtualmin';

const browser = useBrowser();

describe('printing', () => {
  const sheetsPath = '/domains/example.com/sheets';

  /** Chromium writes a page object for each page. */
  const pagesOf = (pdf: Buffer) => pdf.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g)?.length;

  test.each(['A4', 'Letter'])('one mailbox per page on %s', async (format) => {
    const page = await browser.open(sheetsPath);
    expect(pagesOf(await page.pdf({ format }))).toBe(5);
    await page.goto(`${bobPath}/sheet`);
    expect(pagesOf(await page.pdf({ format }))).toBe(1);
  });

  // In Dutch, a sheet has a second page on Letter, which is not used there.
  test.each([
    ['en', ['a4', 'letter']],
    ['fr', ['a4', 'letter']],
    ['nl', ['a4']],
    ['de', ['a4', 'letter']],
  ])('%s: a usual mailbox fits on one page', async (language, papers) => {
    for (const paper of papers) {
      const page = await browser.open(`${bobPath}/sheet?lang=${language}&paper=${paper}`);
      expect(pagesOf(await page.pdf({ preferCSSPageSize: true }))).toBe(1);
    }
  });

  test('prints the sheets only', async () => {
    const page = await browser.open(sheetsPath);
    await page.emulateMedia({ media: 'print' });
    const visible = await page.evaluate(
      '[...document.body.querySelectorAll("*")].filter((e) => !e.closest(".mcs-sheet, .mcs-without") && !e.querySelector(".mcs-sheet") && e.getClientRects().length > 0 && !e.matches(".mcs-visually-hidden")).map((e) => e.outerHTML)',
    );
    expect(visible).toEqual([]);
  });

  test('a password typed on the sheet is printed and never sent or stored', async () => {
    const page = await browser.open(`${bobPath}/sheet`);
    const requests: string[] = [];
    page.on('request', (request) => {
      // The browser may fetch the page's icon late.
      if (!request.url().includes('/assets/icon.svg')) requests.push(request.url());
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
    expect(requests).toEqual([]);
    expect(page.url()).toBe(`${browser.base}${bobPath}/sheet`);
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
    await page.reload();
    expect(await field.inputValue()).toBe('');
    expect(browser.app.logged()).not.toContain('Corr3ct');
  });

  test('black on white, also in dark mode, with a line for the password', async () => {
    const page = await browser.open(`${bobPath}/sheet`, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const colours = 'getComputedStyle(document.querySelector(".mcs-sheet"))';
    expect(await page.evaluate(`${colours}.color`)).toBe('rgb(0, 0, 0)');
    expect(await page.evaluate(`${colours}.backgroundColor`)).toBe('rgb(255, 255, 255)');
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    const line = await page.locator('.mcs-line').boundingBox();
    expect(line?.width).toBeGreaterThan(200);
    expect(line?.height).toBeGreaterThan(30);
  });
});

describe('printed sheets in every language: no text is cut off, overflows or overlaps', () => {
  /** Runs in the page: returns the texts of a sheet that leave their own block or overlap another one. */
  const misplaced = `(() => {
    const found = [];
    const blocks = [...document.querySelectorAll('.mcs-sheet :is(p, dt, dd, li, h2, h3, h4, footer)')]
      .filter((block) => block.checkVisibility() && !block.closest('.mcs-visually-hidden'));
    const rects = [];
    for (const block of blocks) {
      const own = block.getBoundingClientRect();
      const sheet = block.closest('.mcs-sheet').getBoundingClientRect();
      const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
      for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        if (node.textContent.trim() === '' || node.parentElement.closest('p, dt, dd, li, h2, h3, h4, footer') !== block) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const rect of range.getClientRects()) {
          if (rect.width < 1) continue;
          rects.push({ block, rect, text: node.textContent });
          const across = rect.left < Math.max(own.left, sheet.left) - 1 || rect.right > Math.min(own.right, sheet.right) + 1;
          if (across && getComputedStyle(block).columnCount === 'auto' && !block.closest('.mcs-guides')) found.push('out: ' + node.textContent);
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

  /** Papers, and how wide the text is on them, in CSS pixels. */
  const papers = [
    ['a4', 703],
    ['letter', 725],
  ] as const;

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
    await refresh(browser, '/domains/dash.example');
    for (const [paper, width] of papers) {
      const page = await browser.open(
        `/domains/dash.example/sheets?lang=${language}&paper=${paper}&${all}`,
        { viewport: { width, height: 1000 } },
      );
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('.mcs-sheet').count()).toBe(2);
      expect(await page.evaluate(misplaced)).toEqual([]);
    }
    browser.app.virtualmin.override = null;
    await refresh(browser, '/domains/dash.example');
  });

  test.each([
    ['en', 'In mail clients, type the one with xn--.'],
    ['fr', 'Dans les logiciels de messagerie, saisissez celle qui contient xn--.'],
    ['nl', 'Typ in mailprogramma’s het adres met xn--.'],
    ['de', 'In Mailprogramme tippt man die mit xn--.'],
  ])('%s: an address with umlauts in both forms', async (language, words) => {
    for (const [paper, width] of papers) {
      const page = await browser.open(`${umlautPath}/sheet?lang=${language}&paper=${paper}`, {
        viewport: { width, height: 1000 },
      });
      await page.emulateMedia({ media: 'print' });
      const text = await page.locator('.mcs-sheet').innerText();
      expect(text).toContain('info@xn--mnchen-3ya.example');
      expect(text).toContain('info@münchen.example');
      expect(text).toContain(words);
      expect(await page.evaluate(misplaced)).toEqual([]);
      const code = qrCodeIn(await page.locator('.mcs-qr').screenshot());
      expect(code).toContain('["info@xn--mnchen-3ya.example","München"]');
    }
  });
});
