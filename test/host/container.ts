import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** The output of a command in a container, and its exit code. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A Debian booted under systemd, from the common base. Its changes disappear with it. */
export interface Container {
  /** The path of its root for this process, with what is mounted in it. */
  readonly root: string;
  /** Runs a command in it, and throws if it fails. Returns its output. */
  readonly run: (program: string, ...args: readonly string[]) => string;
  /** Runs a command in it, and returns the result. */
  readonly attempt: (program: string, ...args: readonly string[]) => Said;
  /** The same, asynchronously. */
  readonly later: (program: string, ...args: readonly string[]) => Promise<Said>;
  readonly read: (path: string) => string;
  readonly write: (path: string, text: string, mode?: number) => void;
  readonly stop: () => void;
}

/** The folder of this run, and the base; run.mjs sets both. */
const { HOST_TEST_RUN: runFolder, HOST_TEST_BASE: base } = process.env;

const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

let count = 0;

/** Boots a container. */
export async function startContainer(): Promise<Container> {
  if (runFolder === undefined || base === undefined) throw new Error('run it by test/host/run.mjs');
  const folder = join(runFolder, `mail-setup-${process.pid}-${++count}`);
  const stop = () => {
    execFileSync(process.execPath, [join(__dirname, 'take-down.mjs'), folder]);
  };
  try {
    const init = execFileSync(process.execPath, [join(__dirname, 'boot.mjs'), base, folder], {
      encoding: 'utf8',
    });
    const container = inContainer(init, stop);
    await waitUntilBooted(container);
    limitMemoryOnOldHosts(container);
    return container;
  } catch (error) {
    stop();
    throw error;
  }
}

function inContainer(init: string, stop: () => void): Container {
  const command = (program: string, args: readonly string[]): readonly [string, string[]] => [
    'nsenter',
    ['-t', init, '-a', program, ...args],
  ];
  const options = { env: environment, maxBuffer: 256 * 1024 * 1024 };
  const root = `/proc/${init}/root`;
  const attempt = (program: string, ...args: readonly string[]): Said => {
    const said = spawnSync(...command(program, args), { ...options, encoding: 'utf8' });
    return { code: said.status ?? -1, out: said.stdout, err: said.stderr };
  };
  return {
    root,
    attempt,
    run: (program, ...args) => {
      const { code, out, err } = attempt(program, ...args);
      if (code !== 0)
        throw new Error(`${program} ${args.join(' ')}: ${String(code)}: ${err || out}`);
      return out;
    },
    later: (program, ...args) =>
      new Promise((resolve) => {
        execFile(...command(program, args), options, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
        });
      }),
    read: (path) => readFileSync(join(root, path), 'utf8'),
    write: (path, text, mode = 0o644) => {
      writeFileSync(join(root, path), text, { mode });
    },
    stop,
  };
}

async function waitUntilBooted({ attempt }: Container): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const state = attempt('systemctl', 'is-system-running').out.trim();
    if (state === 'running') return;
    if (state === 'degraded')
      throw new Error(`failed units: ${attempt('systemctl', '--failed', '--no-legend').out}`);
    await setTimeout(100);
  }
  throw new Error('the container does not boot');
}

/**
 * On a host with control groups of version 1, systemd-nspawn mounts those that limit memory read-only in a container, and
 * its systemd does not use them.
 */
function limitMemoryOnOldHosts({ attempt, run, root }: Container): void {
  if (!existsSync(join(root, 'sys/fs/cgroup/memory/memory.limit_in_bytes'))) return;
  const options = 'remount,bind,rw,nosuid,nodev,noexec';
  run('mount', '-o', options, '/sys/fs/cgroup/memory');
  attempt('systemctl', 'daemon-reexec');
}
