import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';

const root = join(__dirname, '..', '..', '..');
const left = ['.git', 'node_modules', 'test', join('build', 'dist'), join('build', 'stage')];
const version = '9.8.7';

let copy: string;

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', ...args], {
    cwd: copy,
    stdio: 'pipe',
  });

const release = () => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'release'], {
    cwd: copy,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

const read = (...path: string[]) => readFileSync(join(copy, ...path), 'utf8');

/** Replaces a text, which must exist, in a file and commits it. */
function change(file: string, from: string | RegExp, to: string) {
  const text = read(file);
  expect(text).toMatch(from);
  writeFileSync(join(copy, file), text.replace(from, to));
  git('commit', '-qam', file);
}

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'release-'));
  cpSync(root, copy, {
    recursive: true,
    filter: (path) => !left.includes(relative(root, path)),
  });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // The entry in .gitignore is a folder, but this is a link.
  writeFileSync(join(copy, '.gitignore'), `${read('.gitignore')}node_modules\n`);
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'a copy');
  change('package.json', /"version": ".*"/, `"version": "${version}"`);
  change('package-lock.json', /"version": ".*"/, `"version": "${version}"`);
  change('module.info', /^version=.*$/m, `version=${version}`);
  change('CHANGELOG.md', /^## .*$/m, `## [${version}] - 2031-02-03\n\nThese notes.\n\n$&`);
  git('tag', 'ready');
}, 60_000);

beforeEach(() => {
  git('reset', '-q', '--hard', 'ready');
  git('clean', '-qfd');
});

afterAll(() => {
  rmSync(copy, { recursive: true });
});

test('makes the package, its checksum and its notes', () => {
  const name = `virtualmin-mail-setup-${version}`;
  expect(release()).toMatchObject({ status: 0, stderr: '' });
  const archive = readFileSync(join(copy, 'build', `${name}.wbm.gz`));
  const sum = createHash('sha256').update(archive).digest('hex');
  expect(read('build', `${name}.wbm.gz.sha256`)).toBe(`${sum}  ${name}.wbm.gz\n`);
  expect(read('build', `${name}.md`)).toBe('These notes.\n');
}, 60_000);

test('refuses uncommitted changes', () => {
  writeFileSync(join(copy, 'left-over'), '');
  const { status, stderr } = release();
  expect([status, stderr]).toEqual([1, expect.stringMatching(/not committed:\n.*left-over/)]);
});

test.each([
  ['package-lock.json', version],
  ['module.info', version],
  ['CHANGELOG.md', `[${version}]`],
])('refuses a different version in %s', (file, text) => {
  change(file, text, text.replace(version, '9.8.6'));
  const { status, stderr } = release();
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining(`${file} has version 9.8.6, package.json ${version}`),
  ]);
});

test('refuses a version without a date', () => {
  change('CHANGELOG.md', '2031-02-03', 'unreleased');
  const { status, stderr } = release();
  expect([status, stderr]).toEqual([1, expect.stringContaining(`no date for ${version}`)]);
});
