// Boots the base in a folder: systemd-nspawn with an overlay over the base, its own network with loopback only, and its own
// control groups. Prints the number of the container's first process.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Boots a container with the name of the folder; take-down.mjs removes it. Returns the number of its first process. */
export async function boot(base, folder) {
  const machine = basename(folder);
  const inside = (name) => join(folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(inside('machine'), machine);
  for (const name of ['upper', 'work', 'root']) mkdirSync(inside(name));
  const overlay = `lowerdir=${base},upperdir=${inside('upper')},workdir=${inside('work')}`;
  const mounted = spawnSync('mount', ['-t', 'overlay', '-o', overlay, 'overlay', inside('root')]);
  // Without an overlay file system a copy is used, which is slower.
  if (mounted.status !== 0)
    execFileSync('cp', ['-a', '--reflink=auto', `${base}/.`, inside('root')]);

  const systemd = existsSync('/run/systemd/system');
  const groups = systemd ? [] : controlGroups(machine);
  writeFileSync(inside('groups'), groups.map((group) => `${group}\n`).join(''));
  // Containers without their own group would share one, and stop each other's services.
  const enter = groups.map((group) => `mkdir ${group} && echo 0 >${group}/cgroup.procs`).join('\n');
  const nspawn = [
    ...(systemd ? ['systemd-run', '--quiet', '--scope', '--collect', '-p', 'Delegate=yes'] : []),
    ...['systemd-nspawn', '--quiet', '-D', inside('root'), '-M', machine, '--hostname=panel'],
    ...['--private-network', '--register=no', '--keep-unit', '--resolv-conf=off', '--timezone=off'],
    ...['--link-journal=no', '--console=pipe', '-b'],
  ];
  const child = spawn(
    'sh',
    ['-c', `exec >"$0" 2>&1\n${enter}\nexec "$@"`, inside('console'), ...nspawn],
    {
      stdio: 'ignore',
      detached: true,
    },
  );
  child.unref();
  writeFileSync(inside('pid'), String(child.pid));
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    const init = childrenOf(child.pid).find((one) => read(`/proc/${one}/comm`) === 'systemd');
    if (init !== undefined) return init;
    await setTimeout(50);
  }
  throw new Error(read(inside('console')) || 'systemd-nspawn has said nothing');
}

/** Control groups for a container, below those of this process: systemd's, and the one that limits memory. */
function controlGroups(machine) {
  const unifiedAlone = existsSync('/sys/fs/cgroup/cgroup.procs');
  const folders = {
    'name=systemd': 'systemd',
    memory: 'memory',
    '': unifiedAlone ? '' : 'unified',
  };
  return read('/proc/self/cgroup')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, name]) => folders[name] !== undefined)
    .map(([, name, path]) => join('/sys/fs/cgroup', folders[name], path, machine));
}

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

const childrenOf = (pid) => read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(await boot(process.argv[2], process.argv[3]));
  } catch (error) {
    process.stderr.write(error.message);
    process.exitCode = 1;
  }
}
