// Makes the files of a release in build/: the package, its SHA-256 checksum, and its notes from CHANGELOG.md. Refuses if
// there are uncommitted changes or if the files have different versions.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (...path) => readFile(join(root, ...path), 'utf8');

/** The versions in a changelog, newest first; `date` is `unreleased` before the release. */
function versionsIn(changelog) {
  return changelog
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const [, version, date] = /^\[(.+)\] - (.+)$/.exec(heading) ?? [undefined, heading, ''];
      return { version, date, notes: lines.join('\n').trim() };
    });
}

const { name, version } = JSON.parse(await read('package.json'));
const lock = JSON.parse(await read('package-lock.json'));
const [, moduleVersion] = /^version=(.*)$/m.exec(await read('module.info')) ?? [];
const [newest] = versionsIn(await read('CHANGELOG.md'));

const problems = [];
const uncommitted = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
if (uncommitted !== '') problems.push(`not committed:\n${uncommitted.trimEnd()}`);
for (const [file, its] of [
  ['package-lock.json', lock.version],
  ['module.info', moduleVersion],
  ['CHANGELOG.md', newest?.version],
]) {
  if (its !== version) problems.push(`${file} has version ${its}, package.json ${version}`);
}
if (newest?.version === version && !/^\d{4}-\d\d-\d\d$/.test(newest.date)) {
  problems.push(`CHANGELOG.md has no date for ${version}: ${newest.date}`);
}
if (problems.length > 0) {
  console.error(`no release:\n${problems.join('\n')}`);
  process.exit(1);
}

execFileSync('npm', ['run', '--silent', 'package'], { cwd: root, stdio: 'inherit' });
const archive = `${name}-${version}.wbm.gz`;
const checksum = createHash('sha256')
  .update(await readFile(join(root, 'build', archive)))
  .digest('hex');
await writeFile(join(root, 'build', `${archive}.sha256`), `${checksum}  ${archive}\n`);
await writeFile(join(root, 'build', `${name}-${version}.md`), `${newest.notes}\n`);
console.log(`build/${archive}\nbuild/${archive}.sha256\nbuild/${name}-${version}.md`);
