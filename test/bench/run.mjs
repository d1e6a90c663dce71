// Runs the benchmark, which is TypeScript. The server that it measures is build/dist.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'mail-setup-bench-'));
try {
  const outfile = join(folder, 'bench.cjs');
  await build({
    entryPoints: [join(here, 'bench.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['playwright-core'],
    logLevel: 'warning',
  });
  const root = join(here, '..', '..');
  execFileSync(process.execPath, [outfile, ...process.argv.slice(2)], {
    stdio: 'inherit',
    cwd: root,
    env: { ...process.env, NODE_PATH: join(root, 'node_modules') },
  });
} finally {
  await rm(folder, { recursive: true });
}
