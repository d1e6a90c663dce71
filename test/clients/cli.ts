import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Attempt, Client, Service, Way } from './client';

/** How a client of the command line is run once, for one service. */
export interface Run {
  /** Files below its home, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** What it reads from its input. */
  readonly input?: string;
}

type Make = (service: Service, attempt: Attempt) => Run;

/** The services that the default policy offers, by port. */
const columns = [
  ['IMAP', 143],
  ['IMAP', 993],
  ['POP3', 110],
  ['POP3', 995],
  ['SMTP', 587],
  ['SMTP', 465],
] as const;

/**
 * A client of the command line, with a way for each service that it supports. What it prints counts as received, and
 * so do the files that it puts below `received` in its home.
 */
export function cli(
  client: Pick<Client, 'name' | 'packages'> & {
    /** The ports on which it does not compare the certificate with the host, and those that it cannot use. */
    readonly acceptsAnyCertificate?: readonly number[];
    readonly cannotUse?: readonly number[];
    /** The ports on which it does not say why it refuses a certificate. */
    readonly saysNoReason?: readonly number[];
    readonly IMAP?: Make;
    readonly POP3?: Make;
    readonly SMTP?: Make;
  },
): Client {
  const ways = columns.flatMap(([protocol, port]): Way[] => {
    const make = client[protocol];
    if (make === undefined || client.cannotUse?.includes(port) === true) return [];
    const sends = protocol === 'SMTP';
    return [
      {
        name: `${protocol} ${port}`,
        reads: !sends,
        sends,
        ...(client.acceptsAnyCertificate?.includes(port) === true && {
          acceptsAnyCertificate: true,
        }),
        ...(client.saysNoReason?.includes(port) === true && { saysNoReason: true }),
        run: async (attempt) => {
          const { incoming, outgoing } = attempt.settings;
          const service = [...incoming, ...outgoing].find((one) => one.port === port);
          if (service === undefined) return { received: '', said: `port ${port} is not offered` };
          const { files = {}, command, input = '' } = make(service, attempt);
          mkdirSync(join(attempt.home, 'received'));
          for (const [name, text] of Object.entries(files)) {
            const path = join(attempt.home, name);
            mkdirSync(dirname(path), { recursive: true });
            writeFileSync(path, text, { mode: 0o600 });
          }
          const said = await output(command, { home: attempt.home, input });
          return { received: said + textBelow(join(attempt.home, 'received')), said };
        },
      },
    ];
  });
  const { name, packages } = client;
  return { name, packages, ways };
}

/** Seconds after which a program is ended. */
const limit = 30;

/**
 * Runs a program and returns what it prints. It has no terminal, so it cannot ask for a password, and its own home. It
 * is ended after half a minute, with all that it started.
 */
export async function output(
  [program = '', ...args]: readonly string[],
  { home, input = '' }: { readonly home: string; readonly input?: string },
): Promise<string> {
  const child = spawn(program, args, {
    cwd: home,
    detached: true,
    env: { HOME: home, PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TERM: 'xterm', USER: 'root' },
    stdio: 'pipe',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (said += data.toString()));
  child.stdin.on('error', () => undefined).end(input);
  const timer = setTimeout(() => {
    said += `\n[ended after ${limit} s]`;
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }, limit * 1000);
  await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  clearTimeout(timer);
  return said;
}

/** The text of all files below a folder. */
export function textBelow(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

/** The message to send, with its headers. */
export function message({ settings, recipient, sending }: Attempt): string {
  return [
    `From: ${settings.emailAddress}`,
    `To: ${recipient}`,
    `Subject: ${sending}`,
    '',
    `Hello ${sending}.`,
    '',
  ].join('\r\n');
}
