// Makes build/dist: the server and the files that it reads at run time.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licences } from './licences.mjs';
import { undeclared } from './packages.mjs';
import { panelStyle } from './panel-style.mjs';
import { fontFiles, isForBrowsers, unpacked } from './fonts.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'build', 'dist');

await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  metafile: true,
  entryPoints: ['server.ts', 'answers-server.ts', 'check.ts', 'virtualmin/answer-thread.ts'].map(
    (file) => join(root, 'src', file),
  ),
  entryNames: '[name]',
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // Code that is rarely needed is in separate files, so that it does not slow down the start.
  splitting: true,
  chunkNames: 'parts/[hash]',
  platform: 'node',
  target: 'node18',
  format: 'esm',
  // Variables that Node.js gives to CommonJS packages.
  banner: {
    js: [
      "import { createRequire } from 'node:module';",
      "import { fileURLToPath } from 'node:url';",
      'const require = createRequire(import.meta.url);',
      'const __filename = fileURLToPath(import.meta.url);',
      "const __dirname = fileURLToPath(new URL('.', import.meta.url));",
    ].join(''),
  },
  minify: true,
  keepNames: true,
  legalComments: 'none',
  // PDFKit's CommonJS build: the other one finds its files by import.meta.url, which is a different path in a bundle.
  alias: { pdfkit: join(root, 'node_modules', 'pdfkit', 'js', 'pdfkit.js') },
  logLevel: 'warning',
});
await cp(join(root, 'views'), join(dist, 'views'), { recursive: true });
const style = await readFile(join(root, 'views', 'assets', 'style.css'), 'utf8');
await writeFile(join(dist, 'views', 'assets', 'panel.css'), await panelStyle(style));
await cp(join(root, 'src', 'demo', 'recordings'), join(dist, 'recordings'), { recursive: true });
await cp(join(root, 'src', 'webmin', 'lang'), join(dist, 'lang'), { recursive: true });
const fontPackages = new Set(fontFiles.map((file) => `node_modules/${dirname(dirname(file))}`));
const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const missing = undeclared(metafile, [...fontPackages], dependencies);
if (missing.length > 0) {
  const each = missing.map(({ name, file }) => `${name} (used by ${file})`);
  throw new Error(`shipped, and not in "dependencies" of package.json: ${each.join(', ')}`);
}
await writeFile(join(dist, 'licences.txt'), await licences(metafile, fontPackages));
await mkdir(join(dist, 'fonts'));
for (const file of fontFiles) {
  const woff = await readFile(join(root, 'node_modules', file));
  await writeFile(join(dist, 'fonts', basename(file, '.woff') + '.ttf'), unpacked(woff));
  if (isForBrowsers(file)) await writeFile(join(dist, 'fonts', basename(file)), woff);
}
