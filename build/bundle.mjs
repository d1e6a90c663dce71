// Makes build/dist: the server as one file, and beside it what it reads at run time.
import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'build', 'dist');

await rm(dist, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src', 'server.ts')],
  outfile: join(dist, 'server.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node18',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
});
await cp(join(root, 'views'), join(dist, 'views'), { recursive: true });
await cp(join(root, 'src', 'demo', 'recordings'), join(dist, 'recordings'), { recursive: true });
