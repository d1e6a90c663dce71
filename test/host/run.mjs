// Runs the tests of a whole host, each in a Debian that boots under systemd in a container, and always removes
// all of them at the end. Arguments are passed on to jest.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, installMissing } from '../packages.mjs';
import { cacheFolder, debianBase } from './base.mjs';
import { boot } from './boot.mjs';
import { takeDown, takeDownDeadRuns, takeDownRun } from './take-down.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

/** Prints in one line why the tests cannot run here. */
function cannot(why) {
  console.error(`npm run test:host cannot run here: ${why}`);
  process.exit(2);
}

/** The last line of the error output of a program, or of an error message. */
const lastLine = ({ stderr, message }) => (stderr || message).trim().split('\n').at(-1);

if (process.platform !== 'linux') cannot('it needs Linux, for systemd in a container');
if (process.getuid() !== 0) cannot('it needs to be root, to start a Debian in a container');
if (
  !existsSync('/etc/debian_version') &&
  !(installed('debootstrap') && installed('systemd-nspawn'))
)
  cannot(
    'it needs debootstrap and systemd-nspawn, and this is no Debian where it could install them',
  );
try {
  installMissing(
    [
      ['debootstrap', installed('debootstrap')],
      ['systemd-container', installed('systemd-nspawn')],
    ],
    '',
  );
} catch {
  cannot('debootstrap or systemd-nspawn is missing, and apt-get could not install them');
}

const runs = join(cacheFolder, 'runs');
takeDownDeadRuns(runs);
const run = join(runs, String(process.pid));

// The current step ends first, then everything is removed.
let jest;
let ended;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    ended = signal;
    stopping.abort();
    jest?.kill('SIGTERM');
  });
}

/** Removes everything, and exits. */
function finish(code) {
  const figures = join(run, 'figures');
  if (existsSync(figures)) console.log(`\nFigures\n${readFileSync(figures, 'utf8')}`);
  takeDownRun(run);
  process.exit(ended === undefined ? code : 128 + constants.signals[ended]);
}

/** Runs a step before the tests; if it fails, the tests cannot run here. */
async function prepare(step, failure) {
  try {
    return await step();
  } catch (error) {
    takeDownRun(run);
    if (ended === undefined) cannot(`${failure}: ${lastLine(error)}`);
    return finish(1);
  }
}

const base = await prepare(
  () => debianBase((words) => console.log(words), stopping.signal),
  'no Debian could be made for it',
);
await prepare(async () => {
  const trial = join(run, `mail-setup-${process.pid}-try`);
  await boot(base, trial);
  takeDown(trial);
}, 'systemd-nspawn starts no container');
if (ended !== undefined) finish(1);
const config = join(here, 'jest.config.mjs');
const args = ['--config', config, '--runInBand', ...process.argv.slice(2)];
jest = spawn(join(root, 'node_modules', '.bin', 'jest'), args, {
  stdio: 'inherit',
  cwd: root,
  env: { ...process.env, HOST_TEST_BASE: base, HOST_TEST_RUN: run },
});
jest.on('exit', (code) => finish(code ?? 1));
