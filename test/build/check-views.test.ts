import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const program = join(__dirname, '..', '..', 'build', 'check-views.mjs');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'views-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.each([
  ['a good view', '<p><%= locals.name %></p>\n', null],
  ['a tab', '<p>\n\tHello</p>\n', ':2: a tab\n'],
  ['white space at the end of a line', '<p> \n</p>\n', ':1: white space at the end of the line\n'],
  ['no line feed at the end of the file', '<p></p>', ':1: no line feed at the end of the file\n'],
  ['code that does not compile', '<p><%= name( %></p>\n', ':1: '],
])('check-views: %s', (_name, text, problem) => {
  writeFileSync(join(folder, 'view.ejs'), text);
  const { status, stderr } = spawnSync(process.execPath, [program, folder], { encoding: 'utf8' });
  expect(status).toBe(problem === null ? 0 : 1);
  expect(stderr).toContain(problem === null ? '' : `view.ejs${problem}`);
  if (problem === null) expect(stderr).toBe('');
});
