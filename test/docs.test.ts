import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { settingKeys } from '../src/settings/settings-file';
import { startApp, type TestApp } from './helpers/app';

const read = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8');

const readme = read('README.md');
const jsonDocument = read('docs', 'json.md');

/** Everything in a source file that matches, without what stands around it. */
function found(source: string, pattern: RegExp): string[] {
  return [...new Set([...source.matchAll(pattern)].map(([, name = '']) => name))];
}

const variables = found(read('src', 'config.ts'), /'([A-Z]+(?:_[A-Z]+)*)'/g);
const errorCodes = found(read('src', 'virtualmin', 'errors.ts'), /^ {2}\| '([a-z-]+)'/gm);

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => {
  app.close();
});

test('there are variables and codes to look for', () => {
  expect(variables).toContain('VIRTUALMIN_URL');
  expect(variables).toContain('PORT');
  expect(errorCodes).toContain('locked-out');
});

test.each([...variables, ...settingKeys])('the README has %s in a table', (name) => {
  expect(readme).toMatch(new RegExp(`^\\|[^|]*\`${name}\``, 'm'));
});

test.each(errorCodes)('docs/json.md has the error %s', (code) => {
  expect(jsonDocument).toMatch(new RegExp(`^\\|[^|]*\`${code}\``, 'm'));
});

test.each([
  ['mailboxes', '/domains/dash.example/mailboxes.json'],
  ['settings', '/domains/dash.example/mailboxes/dash-kim/settings.json'],
  ['error', '/domains/nosuch.example/mailboxes.json'],
])('docs/json.md shows what is answered: %s', async (name, path) => {
  app.clock.now = Date.UTC(2026, 10, 23, 19, 40);
  const shown = new RegExp(`\`\`\`json ${name}\\n([^]*?)\`\`\``).exec(jsonDocument)?.[1] ?? '';
  expect((await app.get(path)).body).toEqual(JSON.parse(shown));
});
