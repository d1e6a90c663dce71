import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Builder } from 'xml2js';
import type { VirtualminConfig } from '../../src/virtualmin/client';
import { replay } from '../../src/demo/replay-server';

export const recordings = join(__dirname, '..', '..', 'src', 'demo', 'recordings');

export function recording(name: string): Buffer {
  return readFileSync(join(recordings, name));
}

/** The domains whose users are recorded in both formats. */
export const recordedDomains = [
  'dash.example',
  'example.com',
  'example.net',
  'example.org',
  'gone.example',
  'nomail.example',
  'plain.example',
  'sub.example.com',
  'xn--mnchen-3ya.example',
];

const account = { user: 'api', password: 'S3cret-api-password' };

/** A Virtualmin on a loopback port that answers with the recordings, unless a test overrides them. */
export interface TestVirtualmin {
  readonly url: string;
  /** The query of each request so far. */
  readonly requests: URLSearchParams[];
  /** Unless it is null, it answers instead of the recordings; if it returns false, they answer. */
  override:
    | ((query: URLSearchParams, response: ServerResponse, request: IncomingMessage) => unknown)
    | null;
  config(changes?: Partial<VirtualminConfig>): VirtualminConfig;
  close(): void;
}

export async function startVirtualmin(tls?: {
  readonly key: string;
  readonly cert: string;
}): Promise<TestVirtualmin> {
  const recorded = replay({ recordings, ...account, bigDomainDelay: 0 });
  const listener: RequestListener = (request, response) => {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    virtualmin.requests.push(query);
    if (virtualmin.override !== null && virtualmin.override(query, response, request) !== false)
      return;
    recorded(request, response);
  };
  const server: Server =
    tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const virtualmin: TestVirtualmin = {
    url,
    requests: [],
    override: null,
    config: (changes) => ({
      url,
      ...account,
      format: 'json',
      trust: { kind: 'system-roots' },
      timeout: 5_000,
      ...changes,
    }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return virtualmin;
}

/** Fields with one value or several. */
export type Values = Readonly<Record<string, string | readonly string[]>>;

/** One mailbox in the form of list-users, with some values changed. */
export function userValues(changes: Values = {}): Values {
  return {
    unix_username: 'bob.example',
    user: 'bob',
    email_address: 'bob@example.com',
    real_name: 'Bob Example',
    user_type: 'Normal user',
    disabled: 'No',
    no_password_accepted: 'No',
    ftp_access: 'No',
    domain: 'example.com',
    encrypted_password: '$y$j9T$secret',
    ...changes,
  };
}

/** An answer of list-users in JSON. */
export function jsonAnswer(...users: readonly Values[]): string {
  const data = users.map((values) => ({
    name: values.unix_username ?? '',
    values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, [value].flat()])),
  }));
  return JSON.stringify({ command: 'list-users', status: 'success', data });
}

/** The same in XML, in the form of XML::Simple. */
export function xmlAnswer(...users: readonly Values[]): string {
  const data = users.map((values) => ({ $: { name: values.unix_username ?? '' }, values }));
  return new Builder({ headless: true }).buildObject({
    api: { $: { command: 'list-users', status: 'success' }, data },
  });
}

/** What a command prints, in one piece for each write. */
interface Write {
  readonly to: 'output' | 'errors';
  readonly text: string;
}

/**
 * What Virtualmin reads of a command: execute_webmin_script() in json-lib.pl gives both of its streams to one socket.
 * Perl writes its output in blocks, and errors at once.
 */
export function streamOf(writes: readonly Write[], block = 8192): string {
  let waiting = Buffer.alloc(0);
  const read: Buffer[] = [];
  for (const { to, text } of writes) {
    if (to === 'errors') read.push(Buffer.from(text));
    else waiting = Buffer.concat([waiting, Buffer.from(text)]);
    for (; waiting.length >= block; waiting = waiting.subarray(block)) {
      read.push(waiting.subarray(0, block));
    }
  }
  return Buffer.concat([...read, waiting]).toString();
}

/** What a command prints for users, with a warning at the second line of each. */
export function userLines(users: readonly Values[], warning: string): Write[] {
  return users.flatMap((values) => {
    const line = (label: string, field: string): Write[] =>
      values[field] === undefined
        ? []
        : [values[field]]
            .flat()
            .map((value) => ({ to: 'output', text: `    ${label}: ${value}\n` }));
    return [
      { to: 'output', text: `${String(values.unix_username)}\n` },
      ...line('User', 'user'),
      { to: 'errors', text: warning },
      ...line('Unix username', 'unix_username'),
      ...line('Real name', 'real_name'),
      ...line('Password', 'password'),
      ...line('Encrypted password', 'encrypted_password'),
      ...line('Disabled', 'disabled'),
      ...line('FTP access', 'ftp_access'),
      ...line('User type', 'user_type'),
      ...line('Mail location', 'mail_location'),
      ...line('Email address', 'email_address'),
      ...line('Extra addresses', 'extra_addresses'),
      ...line('Last logins', 'last_logins'),
      ...line('Forward mail to', 'forward_mail_to'),
    ];
  });
}

/** What Virtualmin makes of that: convert_remote_format() in json-lib.pl. */
export function converted(command: string, stream: string): string {
  const data: object[] = [];
  let values: Record<string, string[]> | null = null;
  for (const line of stream.split(/\r?\n/)) {
    const top = /^(\S[^:]+):\s*(.*)$/.exec(line);
    const field = /^\s+(\S[^:]+):\s*(.*)$/.exec(line);
    if (top !== null && values === null) data.push({ name: top[1], value: top[2] });
    else if (/^\S/.test(line)) data.push({ name: line, values: (values = {}) });
    else if (field !== null && values !== null) {
      const key = (field[1] ?? '').toLowerCase().replace(/\s/g, '_');
      values[key] = [...(values[key] ?? []), field[2] ?? ''];
    }
  }
  return JSON.stringify({ command, status: 'success', data });
}

/** Makes list-users answer with these users; other programs answer with the recordings. */
export function answerUsers(virtualmin: TestVirtualmin, ...users: readonly Values[]): void {
  virtualmin.override = (query, response) => {
    if (query.get('program') !== 'list-users') return false;
    response.end(jsonAnswer(...users));
    return true;
  };
}
