// Removes the containers in the given folders, in any state: their processes, mounts, control groups and folders. Finds the
// containers of a killed run by the id of its process.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pause = (milliseconds) =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const lines = (path) =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];

/** Removes one container. */
export function takeDown(folder) {
  const [nspawn] = lines(join(folder, 'pid'));
  if (nspawn !== undefined && isNspawn(nspawn)) {
    // When its first process ends, all others end.
    for (const init of childrenOf(nspawn)) kill(init);
    for (let tries = 0; tries < 100 && isNspawn(nspawn); tries++) pause(50);
    if (isNspawn(nspawn)) kill(nspawn);
  }
  unmountBelow(folder);
  for (const group of lines(join(folder, 'groups'))) removeGroup(group);
  for (const [machine] of [lines(join(folder, 'machine'))].filter(([name]) => name)) {
    rmSync(`/run/systemd/nspawn/propagate/${machine}`, { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Unmounts everything below a folder. */
export function unmountBelow(folder) {
  for (const mount of mountsBelow(folder).reverse()) {
    for (let tries = 0; spawnSync('umount', [mount]).status !== 0 && tries < 20; tries++)
      pause(100);
  }
  if (mountsBelow(folder).length > 0) throw new Error(`still mounted: ${mountsBelow(folder)}`);
}

/** Removes every container of a run, and its folder. */
export function takeDownRun(run) {
  if (!existsSync(run)) return;
  for (const name of readdirSync(run)) {
    if (existsSync(join(run, name, 'machine'))) takeDown(join(run, name));
  }
  rmSync(run, { recursive: true, force: true });
}

/** Removes what killed runs have left; the name of a run's folder ends with its process id. */
export function takeDownDeadRuns(runs) {
  if (!existsSync(runs)) return;
  for (const name of readdirSync(runs)) {
    const owner = /\d+$/.exec(name)?.[0];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) takeDownRun(join(runs, name));
  }
}

const isNspawn = (pid) =>
  lines(`/proc/${pid}/stat`).some((stat) => /^\d+ \(systemd-nspawn\) [^Z]/.test(stat));

const childrenOf = (pid) =>
  lines(`/proc/${pid}/task/${pid}/children`).flatMap((line) => line.split(' ').filter(Boolean));

function kill(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended.
  }
}

const mountsBelow = (folder) =>
  lines('/proc/self/mounts')
    .map((line) => line.split(' ')[1])
    .filter((path) => path.startsWith(`${folder}/`));

function removeGroup(group) {
  if (!existsSync(group)) return;
  const folders = String(execFileSync('find', [group, '-depth', '-type', 'd']))
    .trim()
    .split('\n');
  for (const folder of folders) {
    // A killed process leaves its group a moment later.
    for (let tries = 0; existsSync(folder) && tries < 20; tries++) {
      try {
        rmdirSync(folder);
      } catch {
        pause(50);
      }
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const folder of process.argv.slice(2)) takeDown(folder);
}
