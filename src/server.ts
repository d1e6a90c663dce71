import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import pino from 'pino';
import { createApp } from './web/app';
import { BrandingStore } from './branding/branding-store';
import {
  ConfigError,
  readConfig,
  type Config,
  type Listen,
  type Trust,
  type VirtualminConfig,
} from './settings/config';
import { pageTexts } from './texts/page-texts';
import { Policies } from './branding/policies';
import { followSettingsFile } from './settings/follow-settings-file';
import { readLanguages, type Languages } from './texts/languages';
import { permissions, type Viewer } from './domain/viewer';
import { PanelFacts } from './panel/panel-facts';
import { Probes } from './probe/probes';
import { createVirtualminClient } from './virtualmin/client';
import { Directory } from './virtualmin/directory';
import { readInThread } from './virtualmin/read-in-thread';

/** Milliseconds that the demo takes for its domain of 5,000 mailboxes; a real server takes 15 s. */
const demoDelay = 4_000;

/** Milliseconds that open requests get to finish after SIGTERM. */
const lastCall = 30_000;

/** Whoever has the access token. */
const admin: Viewer = {
  user: 'admin',
  role: 'master-admin',
  domains: 'all',
  may: new Set(permissions),
};

/** Bytes of all request headers, the address with its query among them. */
const mostHeaders = 16 * 1024;

/** The same from the panel, which names every domain that a viewer may see. */
const mostPanelHeaders = 1024 * 1024;

async function main(): Promise<void> {
  const languages = readLanguages(join(__dirname, 'lang'));
  const { say } = pageTexts(languages.english);
  const config = readConfig(process.env, say);
  // It is in the configuration now; a diagnostic report would print the environment.
  delete process.env.VIRTUALMIN_PASSWORD;
  const accessToken = config.accessToken ?? randomBytes(24).toString('base64url');
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: true }));

  const virtualmin = config.virtualmin ?? (await startDemo());
  const facts = config.listen.kind === 'tcp' ? null : new PanelFacts(say);
  const client = createVirtualminClient(
    virtualmin,
    Date.now,
    () => trustIn(virtualmin, facts),
    readInThread(join(__dirname, 'answer-thread.mjs')),
  );
  const { policies, settingsFile } = config;
  const ownSettings =
    settingsFile === null ? () => policies : followSettingsFile(settingsFile, policies, say, log);
  const app = createApp({
    directory: new Directory(client),
    policies: new Policies(facts?.policies ?? ownSettings, brandingStore(config, languages)),
    mailTransport: config.mailTransport,
    // The demo's hosts are nobody's.
    probes: config.virtualmin === null ? null : new Probes(),
    discovery: config.virtualmin === null ? null : {},
    profileSigner: config.profileSigner,
    entry:
      facts === null
        ? { kind: 'token', token: accessToken, viewer: admin }
        : { kind: 'panel', facts },
    demo: config.virtualmin === null,
    versions: () => client.versions(),
    languages,
    views: join(__dirname, 'views'),
    fonts: join(__dirname, 'fonts'),
    log,
    now: Date.now,
  });
  const maxHeaderSize = config.listen.kind === 'tcp' ? mostHeaders : mostPanelHeaders;
  const server = createServer({ maxHeaderSize }, app);
  server.on('clientError', refuse);
  await listen(server, config.listen);
  stopOnSignals(server);
  if (config.idle !== null) stopWhenIdle(server, config.idle);
  process.stdout.write(
    `Mail Client Setup is at ${addressOf(server, config)}${tokenWords(config, accessToken)}\n`,
  );
}

/** The panel knows its own certificate, the renewed one too; what the configuration says goes before. */
function trustIn({ trust }: VirtualminConfig, facts: PanelFacts | null): Trust {
  const sha256 = facts?.certificate() ?? null;
  if (trust.kind !== 'system-roots' || sha256 === null) return trust;
  return { kind: 'fingerprint', sha256, source: "the panel's configuration" };
}

/** The demo's brandings are gone with it. */
function brandingStore(
  { brandingFolder, virtualmin }: Config,
  languages: Languages,
): BrandingStore | null {
  const codes = languages.all.map(({ code }) => code);
  if (brandingFolder !== null) return new BrandingStore(brandingFolder, codes);
  if (virtualmin !== null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'mail-setup-demo-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return new BrandingStore(folder, codes);
}

/** A replayed Virtualmin in this process, and how to reach it: over real HTTP, like a real one. */
async function startDemo(): Promise<VirtualminConfig> {
  const { startReplayServer } = await import('./demo/replay-server');
  const user = 'demo';
  const password = randomBytes(18).toString('base64url');
  const recordings = join(__dirname, 'recordings');
  const { url } = await startReplayServer({
    recordings,
    user,
    password,
    bigDomainDelay: demoDelay,
  });
  const trust = { kind: 'system-roots' } as const;
  return { url, user, password, format: 'json', trust, timeout: 120_000 };
}

/** Answers what is not HTTP, or too much of it: Node.js itself would send a status without a word. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, words] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          '431 Request Header Fields Too Large',
          `The address and the headers have at most ${mostHeaders} bytes. To print many mailboxes, tick fewer at a time, or print all.`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive.']
        : ['400 Bad Request', 'This is not an HTTP request.'];
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${words}\n`,
  );
}

async function listen(server: Server, where: Listen): Promise<void> {
  if (where.kind === 'socket') await removeStaleSocket(where.path);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (where.kind === 'inherited') server.listen({ fd: where.descriptor }, resolve);
      else if (where.kind === 'socket') server.listen(where.path, resolve);
      else server.listen({ host: where.host, port: where.port }, resolve);
    });
  } finally {
    process.umask(umask);
  }
  if (where.kind === 'socket') chmodSync(where.path, 0o600);
}

/** Removes what a killed server left behind; never a file, and never a socket that somebody answers on. */
async function removeStaleSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
      .once('connect', () => {
        probe.destroy();
        resolve(true);
      })
      .once('error', () => {
        resolve(false);
      });
  });
  if (!answered) unlinkSync(path);
}

function stopOnSignals(server: Server): void {
  let stopping = false;
  const stop = () => {
    // Whoever asks twice does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    // The replayed server of the demo, and calls nobody waits for, need no ending.
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // A connection kept alive by a client is idle once its answer is out.
    setInterval(() => {
      server.closeIdleConnections();
    }, 100);
    setTimeout(() => process.exit(0), lastCall);
  };
  // Not once: what writes files listens too, and ends the process where it is the only one that does.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
}

/** Ends the process once nobody has asked for anything for so many milliseconds; systemd starts it again. */
function stopWhenIdle(server: Server, milliseconds: number): void {
  let open = 0;
  let since = Date.now();
  server.on('request', (_request, response: ServerResponse) => {
    open++;
    response.once('close', () => {
      open--;
      since = Date.now();
    });
  });
  setInterval(
    () => {
      if (open === 0 && Date.now() - since >= milliseconds) process.kill(process.pid, 'SIGTERM');
    },
    Math.min(milliseconds, 10_000),
  );
}

function addressOf(server: Server, { listen }: Config): string {
  if (listen.kind === 'socket') return listen.path;
  if (listen.kind === 'inherited') return 'the socket of systemd';
  const { port } = server.address() as AddressInfo;
  return `http://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}/`;
}

function tokenWords({ listen }: Config, token: string): string {
  return listen.kind === 'tcp' ? `?token=${encodeURIComponent(token)}` : '';
}

main().catch((error: unknown) => {
  const words =
    error instanceof ConfigError
      ? error.problems.join('\n')
      : `Cannot start: ${error instanceof Error ? error.message : 'unknown error'}`;
  process.stderr.write(`${words}\n`);
  // Not exitCode: the demo's own server is up by then, and would keep the process going.
  process.exit(1);
});
