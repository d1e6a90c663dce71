import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { settingKeys } from '../src/settings/settings-file';
import { startApp, type TestApp } from './helpers/app';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

const jsonDocument = read('docs', 'json.md');

/** Everything in a source file that matches, without what stands around it. */
function found(source: string, pattern: RegExp): string[] {
  return [...new Set([...source.matchAll(pattern)].map(([, name = '']) => name))];
}

const variables = found(read('src', 'settings', 'config.ts'), /'([A-Z]+(?:_[A-Z]+)*)'/g);
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

test.each([
  ...variables.map((name) => ['standalone.md', name]),
  ...settingKeys.map((name) => ['settings.md', name]),
])('docs/%s has %s in a table', (document, name) => {
  expect(read('docs', document)).toMatch(new RegExp(`^\\|[^|]*\`${name}\``, 'm'));
});

test('the README can be read in ten minutes', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(121);
});

/** The anchors of a Markdown document's headings, as GitHub makes them. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const documents = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

test.each(documents)('every link of %s leads somewhere', (document) => {
  const folder = join(root, dirname(document));
  for (const [, link = ''] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (link.startsWith('https://')) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(root, document) : join(folder, path);
    expect([link, existsSync(target)]).toEqual([link, true]);
    if (anchor !== undefined) expect(anchors(readFileSync(target, 'utf8'))).toContain(anchor);
  }
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
