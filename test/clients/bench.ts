import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { makeAuthority } from '../helpers/mail-ports';
import { startedWith } from '../helpers/start';
import { jsonAnswer, userValues } from '../helpers/virtualmin';
import type { Attempt, Client, Settings, Way } from './client';
import { clients } from './clients';
import { mailboxes, namingStyles, otherHost, recipient, type BenchMailbox } from './mailboxes';
import { startMailServers, type MailServers } from './servers';

/** The names in the certificate of the server. */
const certified = ['mail.example.com', 'autoconfig.example.com', 'example.com'];

/** Prepares the network, /etc/hosts and the trusted authorities of this namespace. Returns the server's certificate. */
function prepareNamespace(folder: string) {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const hosts = [...certified, 'mail.elsewhere.example', 'autoconfig.elsewhere.example'];
  writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost ${hosts.join(' ')}\n`);
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  for (const name of ['hosts', 'resolv.conf'])
    execFileSync('mount', ['--bind', join(folder, name), join('/etc', name)]);
  const authority = makeAuthority();
  const roots = '/etc/ssl/certs';
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', roots]);
  for (const name of ['bench.pem', 'ca-certificates.crt'])
    writeFileSync(join(roots, name), authority.root);
  execFileSync('openssl', ['rehash', roots], { stdio: 'pipe' });
  return authority.issue(certified);
}

/** The built app, with a Virtualmin that lists the mailboxes of the bench. Returns a function that gets a path. */
async function startApp(): Promise<(path: string) => Promise<string>> {
  const domains = [...new Set(mailboxes.map(({ domain }) => domain))].map((name) => ({
    name,
    values: { features: ['mail'], type: ['Top-level server'] },
  }));
  const virtualmin = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const asked = query.get('domain');
    response.end(
      query.get('program') === 'list-domains'
        ? JSON.stringify({
            status: 'success',
            data: domains.filter(({ name }) => asked === null || asked === name),
          })
        : jsonAnswer(...mailboxes.filter(({ domain }) => domain === asked).map(asUser)),
    );
  }).listen(0, '127.0.0.1');
  await once(virtualmin, 'listening');
  const { port } = virtualmin.address() as AddressInfo;
  const { env, args } = startedWith();
  const token = 'token-of-the-clients';
  const app = spawn(process.execPath, args, {
    env: {
      ...env,
      PORT: '0',
      ACCESS_TOKEN: token,
      LOG_LEVEL: 'warn',
      VIRTUALMIN_URL: `http://127.0.0.1:${port}`,
      VIRTUALMIN_USER: 'api',
      VIRTUALMIN_PASSWORD: 'secret',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(app.stdout, 'data')) as [Buffer];
  const base = new URL(/http:\S+/.exec(String(line))?.[0] ?? '').origin;
  return async (path) => {
    const response = await fetch(base + path, { headers: { Authorization: `Bearer ${token}` } });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  };
}

function asUser({ domain, emailAddress, login, owner }: BenchMailbox) {
  const [name = ''] = emailAddress.split('@');
  return userValues({
    domain,
    unix_username: login,
    user: name,
    email_address: emailAddress,
    real_name: `${name} Example`,
    user_type: owner === true ? 'Server owner' : 'Normal user',
  });
}

/** What the app hands out for a mailbox. */
type HandedOut = Pick<Attempt, 'settings' | 'autoconfig' | 'text'>;

async function handedOut(
  get: (path: string) => Promise<string>,
  { domain, login }: BenchMailbox,
): Promise<HandedOut> {
  // The app hands out settings as it has seen the ports, once they are checked.
  await get(`/domains/${domain}/check.json`);
  const path = `/domains/${domain}/mailboxes/${encodeURIComponent(login)}`;
  return {
    settings: JSON.parse(await get(`${path}/settings.json`)) as Settings,
    autoconfig: await get(`${path}/autoconfig.xml`),
    text: await get(`${path}/settings.txt`),
  };
}

/** The same with the e-mail address as user name, as if somebody had taken it for the login. */
function withAddress({ settings, autoconfig, text }: HandedOut): HandedOut {
  const { login, emailAddress } = settings;
  return {
    settings: { ...settings, login: emailAddress },
    autoconfig: autoconfig.replaceAll(
      `<username>${login}</username>`,
      `<username>${emailAddress}</username>`,
    ),
    text: text.replaceAll(login, emailAddress),
  };
}

type Expected = 'logs in' | 'refuses the name' | 'refuses the host' | 'accepts any certificate';

interface Cell {
  readonly mark: string;
  /** What the client said. */
  readonly said: string;
  /** Null where the cell is as it should be. */
  readonly wrong: string | null;
}

const marks: Readonly<Record<Expected, string>> = {
  'logs in': 'ok',
  'refuses the name': 'refused',
  'refuses the host': 'refused',
  'accepts any certificate': 'not checked',
};

const aboutCertificates = /certificate|host ?name|verif/i;

let attempts = 0;

/** Runs a client once, and judges by what it received, what arrived, and the logs of the servers. */
async function attempt(
  way: Way,
  mailbox: BenchMailbox,
  given: HandedOut,
  expected: Expected,
  servers: MailServers,
): Promise<Cell> {
  const { login } = given.settings;
  const before = servers.logins(login);
  const waiting = `waiting${++attempts}x`;
  const sending = `sending${attempts}x`;
  const remove = servers.deliver(mailbox, waiting);
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  const run = { ...given, password: mailbox.password, waiting, sending, home };
  const { received, said } = await way
    .run({ ...run, recipient: recipient.emailAddress })
    .catch((error: unknown) => ({ received: '', said: String(error) }));
  const succeeds = expected === 'logs in' || expected === 'accepts any certificate';
  const read = received.includes(waiting);
  const sent = way.sends && (await servers.arrived(recipient, sending, succeeds ? 5 : 0));
  remove();
  const after = servers.logins(login);
  const [accepted, refused] = [after.accepted > before.accepted, after.refused > before.refused];
  const faults = succeeds
    ? [
        ...(way.reads && !read ? ['has not read the message'] : []),
        ...(way.sends && !sent ? ['has not sent a message'] : []),
        ...(accepted ? [] : ['the servers saw no login']),
        ...(refused ? ['the servers refused a login'] : []),
      ]
    : [
        ...(read || sent || accepted ? ['is logged in'] : []),
        ...(expected === 'refuses the name' && !refused ? ['fails before it logs in'] : []),
        ...(expected === 'refuses the host' && refused ? ['has sent the password'] : []),
        ...(expected === 'refuses the host' && !aboutCertificates.test(said)
          ? ['says nothing of the certificate']
          : []),
      ];
  const wrong = faults.length === 0 ? null : faults.join(', ');
  return { mark: wrong === null ? marks[expected] : 'WRONG', said, wrong };
}

/** A row of a client's table. */
interface Row {
  readonly head: string;
  readonly expected: Expected;
  readonly cells: readonly Cell[];
}

async function rowsOf(
  client: Client,
  get: (path: string) => Promise<string>,
  servers: MailServers,
): Promise<Row[]> {
  const row = async (head: string, mailbox: BenchMailbox, given: HandedOut, expected: Expected) => {
    const cells: Cell[] = [];
    for (const way of client.ways)
      cells.push(await attempt(way, mailbox, given, expected, servers));
    return { head, expected, cells };
  };
  const limit = pLimit(client.oneAtATime === true ? 1 : 4);
  const rows = await Promise.all([
    ...namingStyles.map((mailbox) =>
      limit(async () => {
        const given = await handedOut(get, mailbox);
        const { login, emailAddress } = mailbox;
        const right = await row(login, mailbox, given, 'logs in');
        if (login === emailAddress) return [right];
        const address = `${emailAddress}, the address of ${login}`;
        return [right, await row(address, mailbox, withAddress(given), 'refuses the name')];
      }),
    ),
    limit(async () => {
      const given = await handedOut(get, otherHost);
      if (!given.settings.warnings.includes('certificate-not-accepted'))
        throw new Error(`no warning about the certificate: ${JSON.stringify(given.settings)}`);
      const expected =
        client.acceptsAnyCertificate === true ? 'accepts any certificate' : 'refuses the host';
      return [await row('a host that is not in the certificate', otherHost, given, expected)];
    }),
  ]);
  return rows.flat();
}

function printTable(head: string, columns: readonly string[], rows: readonly Row[]): void {
  const first = Math.max(...rows.map((row) => row.head.length), head.length);
  const width = (column: string) => Math.max(column.length, 'not checked'.length);
  const line = (head: string, cells: readonly string[]) =>
    [head.padEnd(first), ...cells.map((cell, index) => cell.padEnd(width(columns[index] ?? '')))]
      .join('  ')
      .trimEnd();
  console.log(`\n${line(head, columns)}`);
  for (const { head, cells } of rows)
    console.log(
      line(
        head,
        cells.map(({ mark }) => mark),
      ),
    );
}

/** What the client says in the rows of that kind, each sentence once: the lines about it, without its home. */
function words(rows: readonly Row[], kind: Expected, about: RegExp): string[] {
  const said = rows
    .filter(({ expected }) => expected === kind)
    .flatMap(({ cells }) => cells.flatMap((cell) => cell.said.split('\n')));
  const lines = said.filter((line) => about.test(line)).map((line) => line.trim());
  return [...new Set(lines)].slice(0, 6);
}

async function main(names: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'servers-'));
  for (const path of [tmpdir(), folder]) chmodSync(path, 0o755);
  const servers = await startMailServers(folder, prepareNamespace(folder));
  const get = await startApp();
  let wrong = 0;
  const quotes: string[] = [];
  for (const client of clients.filter(({ name }) => names.includes(name))) {
    const rows = await rowsOf(client, get, servers);
    const columns = client.ways.map(({ name }) => name);
    printTable(`${client.name} ${await client.version()}`, columns, rows);
    for (const [kind, what, about] of [
      ['refuses the name', 'a wrong user name', /auth|login|password|credential/i],
      ['refuses the host', 'a host that is not in the certificate', aboutCertificates],
    ] as const)
      quotes.push(
        ...[`\n${client.name} says to ${what}:`],
        ...words(rows, kind, about).map((line) => `  ${line}`),
      );
    for (const { head, cells } of rows) {
      for (const [index, cell] of cells.entries()) {
        if (cell.wrong === null) continue;
        wrong++;
        console.log(
          `WRONG: ${client.name}, ${head}, ${columns[index] ?? ''}: ${cell.wrong}. It said:`,
        );
        console.log(cell.said.trim().replace(/^/gm, '    '));
      }
    }
  }
  console.log(quotes.join('\n'));
  if (wrong > 0) console.log(`\nThe last lines of the servers:\n${servers.logged()}`);
  console.log(wrong === 0 ? '\nEvery cell is right.' : `\n${wrong} cells are WRONG.`);
  return wrong === 0 ? 0 : 1;
}

// Its input ends with the process that started it.
process.stdin.resume().on('end', () => process.exit(1));
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
