import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { usualClients } from '../src/formats/guides';
import type { Table } from '../src/settings/setting';
import { settings } from '../src/settings/settings';
import { variables } from '../src/settings/variables';
import { startApp, type TestApp } from './helpers/app';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

const jsonDocument = read('docs', 'json.md');

/** The first group of every match in a source file. */
function found(source: string, pattern: RegExp): string[] {
  return [...new Set([...source.matchAll(pattern)].map(([, name = '']) => name))];
}

const errorCodes = found(read('src', 'virtualmin', 'errors.ts'), /^ {2}\| '([a-z-]+)'/gm);

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(() => {
  app.close();
});

test('the source contains error codes', () => {
  expect(errorCodes).toContain('locked-out');
});

/** The table rows of a document: key, default and meaning. */
function rowsOf(document: string): ReadonlyMap<string, readonly string[]> {
  const rows = [...read('docs', document).matchAll(/^\| (.*?) +\| (.*?) +\| (.*?) +\|$/gm)];
  return new Map(
    rows.flatMap(([, keys = '', defaults = '', meaning = '']) =>
      keys.split(', ').map((key, index) => {
        const own = keys.includes(', ') ? (defaults.split(', ')[index] ?? '') : defaults;
        return [key.replaceAll('`', ''), [own, meaning]] as const;
      }),
    ),
  );
}

/** Defaults that are decided outside the table of settings. */
const usedAtLast: Readonly<Record<string, string>> = {
  outgoing_host: 'the `mail_host`',
  host_colour: '`#000000`',
  sheet_clients: `\`${usualClients.join(' ')}\``,
  sheet_language: '`en`',
  sheet_paper: '`a4`',
  VIRTUALMIN_URL: 'none: demo data',
  VIRTUALMIN_CA_FILE: "the system's roots",
  ACCESS_TOKEN: 'random, each start',
  MAIL_TRANSPORT: '`sendmail`',
};

function defaultOf(key: string, value: string | number | boolean | null): string {
  const known = usedAtLast[key];
  if (known !== undefined) return known;
  if (value === null) return '';
  return `\`${typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)}\``;
}

describe.each<[string, Table]>([
  ['settings.md', settings],
  ['standalone.md', variables],
])('docs/%s', (document, table) => {
  const rows = rowsOf(document);

  test.each(Object.entries(table))('has %s with its default and its choices', (key, setting) => {
    const [standard, meaning] = rows.get(key) ?? [];
    expect(standard).toBe(defaultOf(key, setting.default as string | number | boolean | null));
    for (const one of setting.choices ?? []) {
      expect(`${standard} ${meaning}`).toContain(`\`${one}\``);
    }
  });
});

test('docs/settings.md lists no unknown key', () => {
  const keys = [...rowsOf('settings.md').keys()].filter((key) =>
    /^[a-z0-9]+_[a-z0-9_]+$/.test(key),
  );
  expect(keys.sort()).toEqual(Object.keys(settings).sort());
});

test('the README stays short', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(121);
});

/** The anchors that GitHub gives to the headings of a Markdown document. */
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

test.each(documents)('every link of %s has a target', (document) => {
  const folder = join(root, dirname(document));
  for (const [, link = ''] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (link.startsWith('https://')) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(root, document) : join(folder, path);
    expect([link, existsSync(target)]).toEqual([link, true]);
    if (anchor !== undefined) expect(anchors(readFileSync(target, 'utf8'))).toContain(anchor);
  }
});

test.each(errorCodes)('docs/json.md lists the error %s', (code) => {
  expect(jsonDocument).toMatch(new RegExp(`^\\|[^|]*\`${code}\``, 'm'));
});

test.each([
  ['mailboxes', '/domains/dash.example/mailboxes.json'],
  ['settings', '/domains/dash.example/mailboxes/dash-kim/settings.json'],
  ['error', '/domains/nosuch.example/mailboxes.json'],
])('docs/json.md shows the actual answer: %s', async (name, path) => {
  app.clock.now = Date.UTC(2026, 10, 23, 19, 40);
  const shown = new RegExp(`\`\`\`json ${name}\\n([^]*?)\`\`\``).exec(jsonDocument)?.[1] ?? '';
  expect((await app.get(path)).body).toEqual(JSON.parse(shown));
});
