// Installs Debian packages that tests and checks need and npm cannot install. Without root, it prints the command instead.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether the command exists. */
export const installed = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/**
 * Installs missing packages; each entry is a name and whether it is installed. Without root, prints a message and ends the
 * process; `elsewhere` explains what to do on another system.
 */
export function installMissing(packages, elsewhere) {
  const missing = packages.flatMap(([name, there]) => (there ? [] : [name]));
  if (missing.length === 0) return;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(
      `Missing: ${missing.join(', ')}. On Debian: sudo sh -c '${install}' ${elsewhere}`,
    );
    process.exit(1);
  }
  execFileSync('sh', ['-c', install], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
