import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import pino from 'pino';
import { createAnswerApp } from './answers/answer-app';
import { followSnapshot } from './answers/follow-snapshot';
import { choice, readTable, setting } from './settings/setting';
import { anyText, whole } from './settings/values';
import { readLanguages } from './texts/languages';
import { pageTexts } from './texts/page-texts';

/** The environment variables of the answer service. */
const variables = {
  SNAPSHOT_FILE: setting(anyText, './snapshot.json'),
  /** Set by systemd: where the key is kept. */
  STATE_DIRECTORY: setting(anyText, '.'),
  LISTEN_FDS: setting(anyText, null),
  PORT: setting(whole(0, 65535), 8026),
  /** Requests a minute: see AnswerLimits. */
  LIMIT_PER_NETWORK: setting(whole(1, 1_000_000), 60),
  LIMIT_IN_ALL: setting(whole(1, 10_000_000), 6000),
  LOG_LEVEL: choice(['info', 'warn', 'error', 'silent'], 'info'),
};

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const firstInherited = 3;

const keyBytes = 32;

function main(): void {
  const { values, problems } = readTable(variables, (key) => process.env[key]);
  for (const [name, problem] of problems) {
    const { say } = pageTexts(readLanguages(join(__dirname, 'lang')).english);
    throw new Error(`${name} ${say(problem)}`);
  }
  const log = pino(
    { level: values.LOG_LEVEL, base: null },
    pino.destination({ fd: 2, sync: true }),
  );
  const app = createAnswerApp({
    snapshot: followSnapshot(values.SNAPSHOT_FILE, Date.now, log),
    key: keyIn(values.STATE_DIRECTORY),
    limits: { perNetwork: values.LIMIT_PER_NETWORK, inAll: values.LIMIT_IN_ALL },
    log,
    now: Date.now,
  });
  const server = createServer(
    // A request is a line, a few headers and perhaps a short document: whoever takes longer is not a mail client.
    {
      maxHeaderSize: 8192,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
      // How often these times are looked at; by default every 30 s.
      connectionsCheckingInterval: 1_000,
    },
    app,
  );
  server.maxConnections = 500;
  const inherited = values.LISTEN_FDS !== null;
  server.listen(inherited ? { fd: firstInherited } : { host: '127.0.0.1', port: values.PORT });
  server.once('listening', () => {
    const address = server.address();
    const where =
      address !== null && typeof address === 'object'
        ? `http://127.0.0.1:${address.port}/`
        : 'the socket of systemd';
    process.stdout.write(`Mail clients are answered at ${where}\n`);
  });
  stopOnSignals(server);
}

/** The key of this host, made at the first start: an address that does not exist must keep its answer. */
function keyIn(folder: string): Buffer {
  const path = join(folder, 'key');
  if (!existsSync(path)) writeFileSync(path, randomBytes(keyBytes), { mode: 0o600, flag: 'wx' });
  const key = readFileSync(path);
  if (key.length !== keyBytes) throw new Error(`${path} is damaged: delete it`);
  return key;
}

function stopOnSignals(server: Server): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeAllConnections();
    });
  }
}

try {
  main();
} catch (error) {
  process.stderr.write(`Cannot start: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
