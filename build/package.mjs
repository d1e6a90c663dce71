// Makes build/virtualmin-mail-setup-VERSION.wbm.gz, which Webmin installs: the module's folder, with the
// app in it. The same commit gives the same bytes.
import { createWriteStream } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'build', 'dist');
const stage = join(root, 'build', 'stage');
const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const module = join(stage, name);

await rm(stage, { recursive: true, force: true });
await mkdir(module, { recursive: true });
await cp(join(root, 'src', 'webmin'), module, { recursive: true });
for (const file of ['module.info', 'LICENSE', 'CHANGELOG.md']) {
  await cp(join(root, file), join(module, file));
}
// The documents for administrators. They link to each other.
for (const file of await readdir(join(root, 'docs'))) {
  if (!file.endsWith('.md') || ['development.md', 'clients.md'].includes(file)) continue;
  await cp(join(root, 'docs', file), join(module, 'docs', file));
}
await cp(dist, join(module, 'app'), { recursive: true });
// The panel does not need the demo, and Webmin itself serves the assets.
await rm(join(module, 'app', 'recordings'), { recursive: true });
// In the panel this check is a command of Virtualmin.
await rm(join(module, 'app', 'check.mjs'));
await cp(join(module, 'app', 'views', 'assets'), join(module, 'assets'), { recursive: true });
await rm(join(module, 'app', 'views', 'assets'), { recursive: true });
await mkdir(join(module, 'assets', 'fonts'));
for (const font of await readdir(join(module, 'app', 'fonts'))) {
  if (!font.endsWith('.woff')) continue;
  await cp(join(module, 'app', 'fonts', font), join(module, 'assets', 'fonts', font));
  await rm(join(module, 'app', 'fonts', font));
}

/** All files below a folder, sorted by name. */
async function filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    }),
  );
  return found.flat().sort();
}

const archive = pack();
const done = pipeline(
  archive,
  createGzip({ level: 9 }),
  createWriteStream(join(root, 'build', `${name}-${version}.wbm.gz`)),
);
for (const path of await filesIn(module)) {
  const mode = /\.(cgi|pl)$/.test(path) ? 0o755 : 0o644;
  // Without the times and owners of the files on this machine.
  const entry = { name: relative(stage, path), mode, mtime: new Date(0), uid: 0, gid: 0 };
  archive.entry({ ...entry, uname: 'root', gname: 'root' }, await readFile(path));
}
archive.finalize();
await done;
