import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { makeDependencies } from './dependencies';
import { ConfigError, readConfig, type Config } from './settings/config';
import { readLanguages } from './texts/languages';
import { pageTexts } from './texts/page-texts';
import { createApp } from './web/app';
import { serve } from './web/serve';

const texts = join(__dirname, 'lang');

async function main(): Promise<void> {
  const languages = readLanguages(texts);
  const config = readConfig(process.env);
  // The configuration has the password now. A diagnostic report of Node.js would print the environment.
  delete process.env.VIRTUALMIN_PASSWORD;
  const accessToken = config.accessToken ?? randomBytes(24).toString('base64url');
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: true }));
  const app = createApp(await makeDependencies(config, accessToken, __dirname, languages, log));
  const server = await serve(app, config.listen, config.idle);
  process.stdout.write(
    `Mail Client Setup is at ${addressOf(server, config)}${tokenWords(config, accessToken)}\n`,
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

/** What went wrong, in English. */
function wordsOf(error: unknown): string {
  if (error instanceof ConfigError) {
    const { say } = pageTexts(readLanguages(texts).english);
    return error.problems.map(say).join('\n');
  }
  return `Cannot start: ${error instanceof Error ? error.message : 'unknown error'}`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${wordsOf(error)}\n`);
  // Not exitCode: the demo's server may be running and would keep the process alive.
  process.exit(1);
});
