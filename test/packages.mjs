// Installs Debian packages that tests need and npm cannot bring; without the right to, it names the one command that would.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether there is such a command. */
export const installed = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/**
 * Installs those of the packages that are not there: pairs of a name and whether it is. Ends the process where it may not;
 * `elsewhere` is what to do on another system.
 */
export function installMissing(packages, elsewhere) {
  const missing = packages.flatMap(([name, there]) => (there ? [] : [name]));
  if (missing.length === 0) return;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(
      `The tests need ${missing.join(', ')}. On Debian: sudo sh -c '${install}' ${elsewhere}`,
    );
    process.exit(1);
  }
  execFileSync('sh', ['-c', install], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
