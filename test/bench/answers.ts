import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { text as textOf } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { snapshotText } from '../../src/answers/snapshot';
import { snapshotDomains, type Answering } from '../../src/answers/snapshot-domains';
import { decideServices } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import { addressIn, startBundle } from '../helpers/bundle';

/** A name as long as every other one, so that sizes can be compared. */
const nameOf = (prefix: string, index: number) => `${prefix}${String(index).padStart(5, '0')}`;

/** A host with this many mailboxes, a hundred in each domain, one in five of them of another naming style. */
function host(mailboxes: number): readonly Answering[] {
  return Array.from({ length: mailboxes / 100 }, (_, number) => {
    const name = `d${number}.example`;
    const { incoming, outgoing } = decideServices(name, defaultPolicy);
    return {
      server: { name, relation: { kind: 'top-level' } },
      ...{ answers: 'login', incoming, outgoing },
      mailboxes: Array.from({ length: 100 }, (_mailbox, index) => {
        const local = nameOf('user', index);
        const login = index % 5 === 0 ? `d${number}-${local}` : `${local}.d${number}`;
        return { emailAddress: `${local}@${name}`, login, extraAddresses: [] };
      }),
    };
  });
}

export interface AnswerServer {
  readonly base: string;
  /** Bytes that are the process's own. */
  readonly memory: () => number;
  readonly stop: () => Promise<void>;
}

/** Starts the service with a host of so many mailboxes, without limits. */
export async function startAnswers(mailboxes: number): Promise<AnswerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mail-setup-bench-answers-'));
  const file = join(folder, 'snapshot.json');
  writeFileSync(file, snapshotText(Date.now(), snapshotDomains(host(mailboxes))));
  const env = {
    ...{ SNAPSHOT_FILE: file, STATE_DIRECTORY: folder, LOG_LEVEL: 'warn' },
    ...{ LIMIT_PER_NETWORK: '1000000', LIMIT_IN_ALL: '10000000' },
    // As in its unit.
    MALLOC_MMAP_THRESHOLD_: '65536',
    NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=1',
  };
  const program = join('build', 'dist', 'answers-server.mjs');
  const { process: child, line, ended } = await startBundle(env, process.execPath, program);
  return {
    base: addressIn(line).base,
    memory: () => {
      const status = readFileSync(`/proc/${String(child.pid)}/status`, 'utf8');
      return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

const pathFor = (address: string) => `/mail/config-v1.1.xml?emailaddress=${address}`;

interface Asked {
  readonly milliseconds: number;
  readonly text: string;
  readonly headers: string;
}

/** Asks over one connection, like somebody who looks for addresses. */
async function ask(base: string, agent: Agent, path: string): Promise<Asked> {
  const begin = performance.now();
  const sent = request(base + path, { agent });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const text = await textOf(response);
  const milliseconds = performance.now() - begin;
  const headers = JSON.stringify({ ...response.headers, date: '' });
  if (response.statusCode !== 200) throw new Error(`${path}: ${String(response.statusCode)}`);
  return { milliseconds, text, headers };
}

export interface Comparison {
  readonly requests: number;
  /** Median milliseconds for addresses that exist, and for those that do not. */
  readonly existing: number;
  readonly invented: number;
  /** How many standard deviations the ranks of the two are apart (Mann-Whitney); below 2.6 is chance, at 1 in 100. */
  readonly deviations: number;
  /** Whether both have the same sizes and headers. */
  readonly sameForm: boolean;
  /** The share of the other naming style in both, from 0 to 1. */
  readonly styles: readonly [number, number];
}

/** Asks about addresses that exist and others that do not, in turn, and compares times, sizes and forms. */
export async function compareAnswers(base: string, requests: number): Promise<Comparison> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = { existing: [] as number[], invented: [] as number[] };
  const forms = { existing: new Set<string>(), invented: new Set<string>() };
  const other = { existing: 0, invented: 0 };
  const kinds = ['existing', 'invented'] as const;
  for (let index = -500; index < requests / 2; index++) {
    const number = Math.abs(index);
    // Which of the two comes first is changed each time.
    for (const kind of number % 2 === 0 ? kinds : [...kinds].reverse()) {
      const mailbox = number % 100;
      const prefix = kind === 'existing' ? 'user' : 'nobo';
      const local = nameOf(prefix, kind === 'existing' ? mailbox : number);
      const domain = `d${Math.floor(number / 100) % 10}`;
      const asked = await ask(base, agent, pathFor(`${local}@${domain}.example`));
      // Until Node.js has compiled the code.
      if (index < 0) continue;
      times[kind].push(asked.milliseconds);
      forms[kind].add(`${asked.text.replaceAll(local, '').length} ${asked.headers}`);
      if (asked.text.includes(`>${domain}-`)) other[kind]++;
    }
  }
  agent.destroy();
  const share = (kind: (typeof kinds)[number]) => other[kind] / times[kind].length;
  return {
    requests,
    existing: middle(times.existing),
    invented: middle(times.invented),
    deviations: rankDistance(times.existing, times.invented),
    sameForm: equal(forms.existing, forms.invented),
    styles: [share('existing'), share('invented')],
  };
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function equal(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((value) => other.has(value));
}

/** The U statistic of two samples, as its distance from the mean in standard deviations. */
function rankDistance(one: readonly number[], other: readonly number[]): number {
  const all = [
    ...one.map((value) => ({ value, first: true })),
    ...other.map((value) => ({ value, first: false })),
  ].sort((a, b) => a.value - b.value);
  const ranks = all.reduce((sum, { first }, index) => sum + (first ? index + 1 : 0), 0);
  const u = ranks - (one.length * (one.length + 1)) / 2;
  const product = one.length * other.length;
  return (u - product / 2) / Math.sqrt((product * (all.length + 1)) / 12);
}

export interface Rate {
  readonly perSecond: number;
  readonly median: number;
  readonly p99: number;
  readonly most: number;
  readonly failed: number;
}

/** Asks so often a second, for so many seconds, from another process. */
export async function askOften(base: string, perSecond: number, seconds: number): Promise<Rate> {
  const { stdout } = await promisify(execFile)('node_modules/.bin/autocannon', [
    ...['--json', '-c', '50', '-R', String(perSecond), '-d', String(seconds)],
    base + pathFor('user00007@d3.example'),
  ]);
  const result = JSON.parse(stdout) as {
    readonly non2xx: number;
    readonly errors: number;
    readonly latency: Readonly<Record<'p50' | 'p99' | 'max', number>>;
    readonly requests: { readonly average: number };
  };
  const { latency, requests, non2xx, errors } = result;
  return {
    ...{ perSecond: requests.average, failed: non2xx + errors },
    ...{ median: latency.p50, p99: latency.p99, most: latency.max },
  };
}

/** A random piece of a request: what parsers trip over. */
function piece(random: () => number): string {
  const pieces = [
    ...['GET ', 'POST ', 'HEAD ', 'PUT ', '/', '//', '..', '%2e', '%00', '%ff', '?', '&', '=', '#'],
    ...['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml', 'emailaddress='],
    ...['/autodiscover/autodiscover.xml', '/Autodiscover/Autodiscover.json', 'Email=', 'Protocol='],
    ...['user00001@d1.example', '@', 'é', '\u0000', '\r\n', '\r\n\r\n', ' HTTP/1.1', ' HTTP/9'],
    ...['Host: x', 'Content-Length: 5', 'Content-Length: -1', 'Transfer-Encoding: chunked', '5'],
    ...['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: x, ,', 'Content-Type: text/xml', '[', ']'],
    ...[
      '<Autodiscover>',
      '<Request>',
      '</',
      '<!DOCTYPE',
      '<!ENTITY a "',
      ']]>',
      '<![CDATA[',
      '&a;',
    ],
    ...['AcceptableResponseSchema', 'EMailAddress', '__proto__', 'constructor', 'a'.repeat(300)],
  ];
  return pieces[Math.floor(random() * pieces.length)] ?? '';
}

/** Sends random requests. Returns how many were answered with an error of the server's own, of how many. */
export async function fuzz(base: string, count: number): Promise<{ broken: number; sent: number }> {
  const port = Number(new URL(base).port);
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  let broken = 0;
  const one = async () => {
    const parts = Array.from({ length: 1 + Math.floor(random() * 14) }, () => piece(random));
    const start = random() < 0.6 ? 'GET /mail/config-v1.1.xml?' : '';
    const posted = random() < 0.3 ? 'POST /autodiscover/autodiscover.xml' : start;
    const body = parts.join('');
    const bytes =
      posted.startsWith('POST') && random() < 0.8
        ? `${posted} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
        : `${posted}${body} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes);
    let answer = '';
    for await (const data of socket) answer += String(data);
    if (answer.startsWith('HTTP/1.1 5')) broken++;
  };
  for (let sent = 0; sent < count; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, () => one().catch(() => undefined)));
  }
  return { broken, sent: count };
}
