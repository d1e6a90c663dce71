import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startVirtualmin, type TestVirtualmin } from '../helpers/virtualmin';

const program = join(__dirname, '..', '..', 'build', 'dist', 'check.mjs');

let virtualmin: TestVirtualmin;

beforeAll(async () => {
  virtualmin = await startVirtualmin();
});

afterAll(() => {
  virtualmin.close();
});

/** Runs the command against the recorded Virtualmin; none of its host names has an address. */
function run(...args: string[]) {
  const { url, user, password } = virtualmin.config();
  const env = {
    PATH: process.env.PATH,
    VIRTUALMIN_URL: url,
    VIRTUALMIN_USER: user,
    VIRTUALMIN_PASSWORD: password,
  };
  return new Promise<{ code: number; out: string; errors: string }>((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { env }, (_error, out, errors) => {
      resolve({ code: child.exitCode ?? -1, out, errors });
    });
  });
}

test('prints one line per port, and exits with 2 if a port is not proven', async () => {
  const { code, out, errors } = await run('--domain', 'example.com');
  expect([code, errors]).toEqual([2, '']);
  expect(out.split('\n')).toHaveLength(7);
  expect(out).toMatch(/^mail\.example\.com:143 +starttls +\w/);
});

test('prints JSON', async () => {
  const { code, out } = await run('--domain', 'example.com', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(out)).toMatchObject({ domain: 'example.com', services: { length: 6 } });
});

test.each([
  [['--domain', 'nosuch.example'], /does not exist/],
  [['--domain', '../x'], /--domain must be a domain name/],
  [[], /--domain must be a domain name/],
  [['--nonsense'], /nonsense/],
  [['--domain', 'nomail.example'], /nothing is checked for this domain/],
])('%j: exits with 1 and prints the reason', async (args, words) => {
  const { code, out, errors } = await run(...args);
  expect([code, out]).toEqual([1, '']);
  expect(errors).toMatch(words);
});

test('--help prints the usage', async () => {
  const { code, out } = await run('--help');
  expect(code).toBe(0);
  expect(out).toContain('npm run check -- --domain');
});
