// Makes the Debian that the containers start from, with Debian packages only, and keeps it for the next run.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unmountBelow } from './take-down.mjs';

const run = promisify(execFile);

/** The Debian whose Node.js, 18.20, is the oldest that the service supports. */
export const release = 'bookworm';

// debootstrap configures the included packages in its own order, which fails for more than a few.
const first = 'systemd,systemd-sysv,dbus,udev,libpam-systemd,ca-certificates,perl';
// A test starts them: both listen on port 80.
const webServers = ['apache2', 'nginx-light'];
const packages = [
  ...['nodejs', 'openssl', 'libnet-ssleay-perl', 'iproute2', 'procps'],
  ...['postfix', 'dovecot-imapd', 'dovecot-pop3d', 'libsasl2-modules'],
  ...webServers,
];

/** The folder of the bases. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME || '/var/cache',
  'virtualmin-mail-setup-test',
);

/** Returns the folder of the base. If there is none yet, it takes a minute or two, and calls `say`. */
export async function debianBase(say, signal) {
  const text = await readFile(new URL(import.meta.url), 'utf8');
  const key = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const base = join(cacheFolder, `${release}-${key}`);
  if (existsSync(base)) return base;
  say(`Making a Debian ${release} in ${base}, once …`);
  await mkdir(cacheFolder, { recursive: true, mode: 0o700 });
  // Complete or absent: two concurrent runs make one each, and the first one stays.
  const made = `${base}.${process.pid}`;
  try {
    await make(made, { ...long, signal });
    await rename(made, base).catch((error) => {
      if (!existsSync(base)) throw error;
    });
  } finally {
    await remove(made);
  }
  await removeOthers(key);
  return base;
}

/** Removes bases of other package lists, unless a container uses one or a process is making one. */
async function removeOthers(key) {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  for (const name of await readdir(cacheFolder)) {
    const [, other, maker] = /^\w+-([0-9a-f]{12})(?:\.(\d+))?$/.exec(name) ?? [];
    const path = join(cacheFolder, name);
    if (other === undefined || path === join(cacheFolder, `${release}-${key}`)) continue;
    const used = mounts.includes(`lowerdir=${path},`) || existsSync(`/proc/${maker}`);
    if (!used) await remove(path);
  }
}

/** Removes a base, and what debootstrap has mounted in one that is not complete. */
async function remove(folder) {
  unmountBelow(folder);
  // Stopped programs may need a moment to end.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

async function make(folder, options) {
  const { mirror, settings } = await hostsApt();
  const variant = ['--variant=minbase', `--include=${first}`];
  await run('debootstrap', [...variant, release, folder, ...mirror], options);
  const inside = (path) => join(folder, path);
  for (const file of settings) await cp(file, inside(file));
  for (const file of ['/etc/hosts', '/etc/resolv.conf'])
    await cp(file, inside(file), { dereference: true });
  await writeFile(inside('usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n');
  await chmod(inside('usr/sbin/policy-rc.d'), 0o755);
  const install = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  await run('chroot', [folder, 'sh', '-c', install], { ...options, env: environment });
  const services = webServers.map((name) => name.replace('-light', ''));
  await run('systemctl', [`--root=${folder}`, 'disable', ...services], options);
  // The containers do not get this machine's package sources.
  for (const file of [...settings, '/etc/resolv.conf', 'usr/sbin/policy-rc.d'])
    await rm(inside(file), { force: true });
  await writeFile(inside('etc/hosts'), '127.0.0.1 localhost panel\n');
  await writeFile(inside('etc/hostname'), 'panel\n');
  await rm(inside('var/lib/apt/lists'), { recursive: true });
  await rm(inside('var/cache/apt'), { recursive: true });
}

const long = { maxBuffer: 64 * 1024 * 1024, timeout: 20 * 60_000 };

/** This machine's package source, for debootstrap, and the files that configure access to it. */
async function hostsApt() {
  const format = ['indextargets', '--format', '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)'];
  const { stdout } = await run('apt-get', [...format, 'Created-By: Packages']);
  const found = /^Debian Debian main (\S+)$/m.exec(stdout)?.[1];
  const folders = ['/etc/apt/apt.conf.d', '/etc/apt/auth.conf.d'].filter((path) =>
    existsSync(path),
  );
  const files = await Promise.all(
    folders.map(async (path) => (await readdir(path)).map((name) => join(path, name))),
  );
  return { mirror: found === undefined ? [] : [found], settings: files.flat() };
}
