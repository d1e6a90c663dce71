// Checks all Perl files, or those in the given folders: each compiles without a warning (perl -wc), and perlcritic accepts it
// (.perlcriticrc). In place of Webmin's library, the tests' stand-in provides its functions (docs/webmin-contract.md).
import { execFile, spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { installed, installMissing } from '../test/packages.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders = process.argv.length > 2 ? process.argv.slice(2) : ['src/webmin', 'test'];

/** Runs a program; returns whether it succeeds, and its output. */
const run = (program, args) =>
  new Promise((done) => {
    execFile(program, args, { cwd: root }, (error, stdout, stderr) => {
      done({ ok: error === null, output: stdout + stderr });
    });
  });

async function perlFilesBelow(folder) {
  const names = await readdir(resolve(root, folder), { recursive: true });
  return names.filter((name) => /\.(?:pl|pm|t|cgi)$/.test(name)).map((name) => join(folder, name));
}

/** The violations that perlcritic reports; '' if there are none. */
async function criticize(files) {
  const critic = ['--quiet', '--profile', '.perlcriticrc', ...files];
  const { ok, output } = await run('perlcritic', critic);
  return ok ? '' : output || 'perlcritic failed\n';
}

/** The errors and warnings of a file; '' if there are none. */
async function compile(file) {
  const { ok, output } = await run('perl', ['-Itest/perl/lib', '-wc', file]);
  return ok && output === `${file} syntax OK\n` ? '' : output;
}

installMissing(
  [
    ['perl', installed('perl')],
    ['libperl-critic-perl', spawnSync('perl', ['-MPerl::Critic', '-e1']).status === 0],
  ],
  '',
);
const files = (await Promise.all(folders.map(perlFilesBelow))).flat().sort();
const limit = pLimit(availableParallelism());
const problems = await Promise.all([
  limit(criticize, files),
  ...files.map((file) => limit(compile, file)),
]);
process.stderr.write(problems.join(''));
process.exitCode = problems.join('') === '' ? 0 : 1;
