import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const program = join(__dirname, '..', '..', '..', 'build', 'check-perl.mjs');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perl-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.each([
  ['a good file', 'print "good";', null],
  [
    'a file that does not compile',
    'print $unknown;',
    'Global symbol "$unknown" requires explicit package',
  ],
  ['a warning', 'my $name; my $name = 1;', '"my" variable $name masks earlier declaration'],
  [
    'a violation of a perlcritic policy',
    'open(my $file, "<", "x");',
    'InputOutput::RequireCheckedOpen',
  ],
])('check-perl: %s', (_name, code, problem) => {
  writeFileSync(join(folder, 'code.pl'), `use strict;\nuse warnings;\n${code}\n1;\n`);
  const { status, stderr } = spawnSync(process.execPath, [program, folder], { encoding: 'utf8' });
  expect(status).toBe(problem === null ? 0 : 1);
  if (problem === null) expect(stderr).toBe('');
  else expect(stderr).toContain(problem);
});
