// Runs real mail clients against a real Dovecot and Postfix, in a network, a mount table and a process table of their own.
// Arguments are the names of clients; without any, all run.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { installed, installMissing } from '../packages.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

/** Prints in one line why the clients cannot run here. */
function cannot(why) {
  console.error(`npm run clients cannot run here: ${why}`);
  process.exit(2);
}

if (process.platform !== 'linux') cannot('it needs Linux, for namespaces');
if (process.getuid() !== 0) cannot('it needs to be root, to make namespaces and start Postfix');
if (!existsSync('/etc/debian_version')) cannot('it needs Debian, whose mail clients it runs');

const folder = await mkdtemp(join(tmpdir(), 'mail-setup-clients-'));
let bench;
let ended;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    ended = signal;
    bench?.kill('SIGKILL');
  });
}
try {
  process.exitCode = await run(process.argv.slice(2));
} finally {
  // Programs that were killed may need a moment to end.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

async function run(names) {
  await build({
    entryPoints: ['bench.ts', 'clients.ts'].map((name) => join(here, name)),
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
  const { clients } = createRequire(import.meta.url)(join(folder, 'clients.cjs'));
  const unknown = names.filter((name) => !clients.some((client) => client.name === name));
  if (unknown.length > 0)
    cannot(
      `no client ${unknown.join(', ')}; there are ${clients.map(({ name }) => name).join(', ')}`,
    );
  const chosen = clients.filter(({ name }) => names.length === 0 || names.includes(name));
  try {
    installMissing(
      [
        ['dovecot-imapd', existsSync('/usr/lib/dovecot/imap')],
        ['dovecot-pop3d', existsSync('/usr/lib/dovecot/pop3')],
        ['postfix', existsSync('/usr/sbin/postfix')],
        ['openssl', installed('openssl')],
        ['ca-certificates', existsSync('/etc/ssl/certs')],
        ['iproute2', installed('ip')],
        ...chosen.flatMap(({ packages }) =>
          Object.entries(packages).map(([name, program]) => [
            name,
            program.startsWith('/') ? existsSync(program) : installed(program),
          ]),
        ),
      ],
      '',
    );
  } catch {
    cannot('packages are missing, and apt-get could not install them');
  }
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const trial = spawnSync('unshare', [...namespaces, 'true'], { encoding: 'utf8' });
  if (trial.status !== 0) cannot(`unshare makes no namespaces: ${trial.stderr.trim()}`);
  // The bench ends when its input ends, so it does not survive this process.
  bench = spawn(
    'unshare',
    [
      ...[...namespaces, '--', process.execPath, join(folder, 'bench.cjs')],
      ...chosen.map(({ name }) => name),
    ],
    { stdio: ['pipe', 'inherit', 'inherit'], cwd: root, env: { ...process.env, TMPDIR: folder } },
  );
  const code = await new Promise((resolve) => bench.on('exit', resolve));
  return ended === undefined ? (code ?? 1) : 128 + constants.signals[ended];
}
