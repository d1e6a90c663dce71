import { describe, expect, test } from '@jest/globals';
import { bobPath, overflowOf, useBrowser, violations } from '../helpers/pages';

const browser = useBrowser();

describe('a login test', () => {
  test('is reached from the buttons at the top, with the focus in the field', async () => {
    const page = await browser.open(bobPath);
    await page.getByRole('link', { name: 'Try the login' }).click();
    expect(await page.evaluate('document.activeElement.id')).toBe('password');
    expect(await page.getByLabel('Password of bob.example').isVisible()).toBe(true);
  });

  test.each([
    ['right', 'User name and password are right'],
    ['wrong', 'the password is wrong'],
  ])('with the %s password shows the result and clears the password', async (password, words) => {
    const page = await browser.open(bobPath);
    await page.getByLabel('Password of bob.example').fill(password);
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText(words).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.getByLabel('Password of bob.example').inputValue()).toBe('');
    expect(page.url()).not.toContain(password);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await overflowOf(page)).toBe(0);
  });
});

test('the result of the port check appears without a reload', async () => {
  const page = await browser.open('/domains/sub.example.com/check');
  await page.getByText('no address is known for mail.sub.example.com').first().waitFor();
  await page.locator('#results[data-running]').waitFor({ state: 'detached' });
});
