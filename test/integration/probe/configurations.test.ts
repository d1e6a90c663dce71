import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decideServices, type ClientSettings } from '../../../src/domain/client-settings';
import { tryLogin } from '../../../src/probe/login';
import { Probes } from '../../../src/probe/probes';
import { tryMailbox } from '../../../src/probe/try-mailbox';
import { defaultPolicy } from '../../../src/settings/settings';
import {
  dovecotRelease,
  freePorts,
  makeAuthority,
  startDovecot,
  startPostfix,
  untilReady,
  type Authority,
  type Certificate,
  type Dovecot,
  type DovecotSettings,
  type Postfix,
} from '../../helpers/mail-ports';
import { observedWords } from '../../helpers/observed-words';

const password = 'Correct horse';
const users = { bob: password, Carol: password, 'zoe@example.com': password };

const submissionToo = 'protocols = imap pop3 submission\nsubmission_relay_host = 127.0.0.1\n';

/** Configurations of Dovecot by name. `RELAY` stands for the port of a Postfix that takes mail from it. */
const dovecotSettings = {
  usual: '',
  'only the local part': {
    '2.3': 'auth_username_format = %n',
    '2.4': 'auth_username_format = %{user | username}',
  },
  'lower case': {
    '2.3': 'auth_username_format = %Lu',
    '2.4': 'auth_username_format = %{user | lower}',
  },
  'only PLAIN': 'auth_mechanisms = plain',
  'only CRAM-MD5': 'auth_mechanisms = cram-md5',
  'login without TLS': {
    '2.3': 'disable_plaintext_auth = no\nlisten = 127.0.0.1, 127.0.0.2',
    '2.4': 'auth_allow_cleartext = yes\nlisten = 127.0.0.1, 127.0.0.2',
  },
  'not without TLS': 'ssl = required\nlisten = 127.0.0.1, 127.0.0.2',
  'no TLS': {
    '2.3': 'disable_plaintext_auth = no\nssl = no',
    '2.4': 'auth_allow_cleartext = yes\nssl = no',
  },
  'PROXY protocol': `haproxy_trusted_networks = 127.0.0.0/8
    service imap-login {
      inet_listener imap {
        haproxy = yes
      }
      inet_listener imaps {
        haproxy = yes
      }
    }
    service pop3-login {
      inet_listener pop3 {
        haproxy = yes
      }
      inet_listener pop3s {
        haproxy = yes
      }
    }`,
  submission: `${submissionToo}submission_relay_port = RELAY\nsubmission_relay_trusted = yes`,
  'submission with LOGIN alone': `${submissionToo}submission_relay_port = RELAY\nauth_mechanisms = login`,
  'submission without TLS': {
    '2.3': `${submissionToo}submission_relay_port = RELAY\ndisable_plaintext_auth = no`,
    '2.4': `${submissionToo}submission_relay_port = RELAY\nauth_allow_cleartext = yes`,
  },
  'submission without its relay': `${submissionToo}submission_relay_port = 1`,
} satisfies Record<string, DovecotSettings>;

/** Options of Postfix's smtpd by name, in addition to the usual ones. `POLICY` stands for the port of a policy service. */
const postfixOptions = {
  usual: [],
  'SASL domain': ['smtpd_sasl_local_domain=example.com'],
  'no TLS': ['smtpd_tls_security_level=none'],
  'only TLS': ['smtpd_tls_security_level=encrypt'],
  'login without TLS': ['smtpd_tls_auth_only=no'],
  'no login': ['smtpd_sasl_auth_enable=no'],
  greylisting: ['{smtpd_recipient_restrictions=check_policy_service inet:127.0.0.1:POLICY}'],
  'greylisting at once': ['smtpd_delay_reject=no', 'smtpd_client_restrictions=defer'],
  'client refused': ['smtpd_delay_reject=no', 'smtpd_client_restrictions=reject'],
  'slow greeting': ['smtpd_delay_reject=no', '{smtpd_client_restrictions=sleep 5, permit}'],
  'PROXY protocol': ['smtpd_upstream_proxy_protocol=haproxy'],
  'old TLS': [
    'smtpd_tls_protocols=TLSv1',
    'smtpd_tls_mandatory_protocols=TLSv1',
    'tls_high_cipherlist=ALL:@SECLEVEL=0',
  ],
  'no login service': ['smtpd_sasl_path=inet:127.0.0.1:1'],
} as const;

type DovecotName = keyof typeof dovecotSettings;
type PostfixName = keyof typeof postfixOptions;
type Port = 110 | 143 | 465 | 587 | 993 | 995;
type Ports = Readonly<Partial<Record<number, number>>>;

/** What HAProxy does in front of a port. */
type Front = 'pass on' | 'PROXY protocol' | 'end TLS';

/** What a firewall puts in place of STARTTLS: what Cisco's does, or nothing. */
type Firewall = 'XXXXXXXA' | '';

interface Row {
  readonly dovecot?: DovecotName;
  readonly postfix?: PostfixName;
  readonly front?: Front;
  readonly firewall?: Firewall;
  /** Dovecot takes mail from clients, and not Postfix. */
  readonly submission?: true;
  /** The login; 'bob' if it is not given. */
  readonly login?: string;
  /** The server's address is not the one that the check connects from. */
  readonly otherAddress?: boolean;
  /** What the check says: of 143, 993, 110, 995, 587 and 465; or the same of several. */
  readonly says: readonly string[];
  /** What the test of the login with the right password says. */
  readonly verdict: string;
}

const rows: readonly [string, Row][] = [
  ['usual', { says: ['proven'], verdict: 'works-and-address-does-not' }],
  // Dovecot.
  [
    'auth_username_format=%n, login bob: the address works too',
    { dovecot: 'only the local part', says: ['proven'], verdict: 'works' },
  ],
  [
    'auth_username_format=%n, the address is the login: Dovecot looks for another user',
    {
      ...{ dovecot: 'only the local part', login: 'zoe@example.com' },
      ...{ says: ['proven'], verdict: 'password-wrong' },
    },
  ],
  [
    'auth_username_format=%Lu, a login with a capital: Dovecot looks for another user',
    { dovecot: 'lower case', login: 'Carol', says: ['proven'], verdict: 'password-wrong' },
  ],
  [
    'auth_username_format by default: the same',
    { login: 'Carol', says: ['proven'], verdict: 'password-wrong' },
  ],
  [
    'auth_mechanisms=plain',
    {
      dovecot: 'only PLAIN',
      says: ['proven', 'proven', 'proven', 'proven', ...two('proven, no-login-mechanism')],
      verdict: 'works-and-address-does-not',
    },
  ],
  [
    'auth_mechanisms=cram-md5',
    {
      ...{ dovecot: 'only CRAM-MD5', says: ['no-password-login, challenge-response'] },
      verdict: 'server',
    },
  ],
  [
    'disable_plaintext_auth=no',
    {
      ...{ dovecot: 'login without TLS', otherAddress: true },
      says: [...fours('proven, login-before-tls', 'proven'), ...two('refused')],
      verdict: 'server',
    },
  ],
  [
    'ssl=required',
    {
      ...{ dovecot: 'not without TLS', otherAddress: true },
      ...{ says: [...two('proven'), ...two('proven'), ...two('refused')], verdict: 'server' },
    },
  ],
  [
    'ssl=no',
    {
      dovecot: 'no TLS',
      says: [...fours('starttls-not-offered', 'refused'), ...two('proven')],
      verdict: 'server',
    },
  ],
  [
    'submission by Dovecot, which hands mail on to Postfix',
    {
      ...{ dovecot: 'submission', submission: true },
      ...{ says: ['proven'], verdict: 'works-and-address-does-not' },
    },
  ],
  [
    'submission by Dovecot, auth_mechanisms=login',
    {
      ...{ dovecot: 'submission with LOGIN alone', submission: true },
      ...{ says: ['proven'], verdict: 'works-and-address-does-not' },
    },
  ],
  [
    'submission by Dovecot, disable_plaintext_auth=no',
    {
      ...{ dovecot: 'submission without TLS', submission: true },
      says: [...four('proven'), 'proven, login-before-tls', 'proven'],
      verdict: 'works-and-address-does-not',
    },
  ],
  [
    'submission by Dovecot, which does not reach Postfix',
    {
      ...{ dovecot: 'submission without its relay', submission: true },
      ...{ says: ['proven'], verdict: 'server' },
    },
  ],
  // HAProxy.
  [
    'HAProxy passes TCP on',
    { front: 'pass on', says: ['proven'], verdict: 'works-and-address-does-not' },
  ],
  [
    'HAProxy with the PROXY protocol',
    {
      ...{ front: 'PROXY protocol', dovecot: 'PROXY protocol', postfix: 'PROXY protocol' },
      ...{ says: ['proven'], verdict: 'works-and-address-does-not' },
    },
  ],
  [
    'the PROXY protocol is expected and not spoken',
    {
      ...{ dovecot: 'PROXY protocol', postfix: 'PROXY protocol' },
      says: [...four('closes-connection'), 'turned away', 'tls-fails'],
      verdict: 'server',
    },
  ],
  [
    'HAProxy ends TLS in front of the ports for STARTTLS',
    {
      front: 'end TLS',
      says: [...fours('proven', 'tls-ends-before'), 'proven', 'tls-ends-before'],
      verdict: 'works-and-address-does-not',
    },
  ],
  // A firewall.
  [
    'a firewall overwrites STARTTLS',
    {
      firewall: 'XXXXXXXA',
      says: ['starttls-stripped', ...two('proven'), 'proven', 'starttls-stripped', 'proven'],
      // By 993 and 465.
      verdict: 'works-and-address-does-not',
    },
  ],
  [
    'a firewall removes STARTTLS',
    {
      firewall: '',
      says: ['starttls-not-offered', ...two('proven'), 'proven', 'starttls-not-offered', 'proven'],
      verdict: 'works-and-address-does-not',
    },
  ],
  // Postfix.
  [
    'smtpd_sasl_local_domain',
    { postfix: 'SASL domain', says: ['proven'], verdict: 'works-and-address-does-not' },
  ],
  [
    'smtpd_tls_security_level=none',
    {
      postfix: 'no TLS',
      says: [...four('proven'), 'starttls-not-offered', 'proven'],
      // By 465.
      verdict: 'works-and-address-does-not',
    },
  ],
  [
    'smtpd_tls_security_level=encrypt',
    { postfix: 'only TLS', says: ['proven'], verdict: 'works-and-address-does-not' },
  ],
  [
    'smtpd_tls_auth_only=no',
    {
      postfix: 'login without TLS',
      says: [...four('proven'), 'proven, login-before-tls', 'proven'],
      verdict: 'works-and-address-does-not',
    },
  ],
  [
    'smtpd_sasl_auth_enable=no',
    {
      postfix: 'no login',
      ...{ says: [...four('proven'), ...two('no-password-login')], verdict: 'server' },
    },
  ],
  [
    "Postfix does not reach Dovecot's login service",
    {
      postfix: 'no login service',
      ...{ says: [...four('proven'), ...two('closes-connection')], verdict: 'server' },
    },
  ],
  [
    'greylisting',
    { postfix: 'greylisting', says: ['proven'], verdict: 'works-and-address-does-not' },
  ],
  [
    'greylisting of each client, before the greeting',
    {
      postfix: 'greylisting at once',
      ...{ says: [...four('proven'), ...two('turned away for now')], verdict: 'server' },
    },
  ],
  [
    'a list of blocked addresses',
    {
      postfix: 'client refused',
      ...{ says: [...four('proven'), ...two('turned away')], verdict: 'server' },
    },
  ],
  [
    'a greeting after five seconds',
    { postfix: 'slow greeting', says: ['proven'], verdict: 'works-and-address-does-not' },
  ],
  [
    'smtpd_tls_protocols=TLSv1',
    { postfix: 'old TLS', says: [...four('proven'), ...two('tls-fails')], verdict: 'server' },
  ],
];

function two(what: string): string[] {
  return [what, what];
}

function four(what: string): string[] {
  return fours(what, what);
}

/** For IMAP and POP3, with STARTTLS and with SSL/TLS. */
function fours(starttls: string, tls: string): string[] {
  return [starttls, tls, starttls, tls];
}

const host = 'mail.example.com';
const standardPorts: readonly Port[] = [143, 993, 110, 995, 587, 465];
const closing: (() => void)[] = [];
let authority: Authority;
let good: Certificate;
const dovecots = new Map<DovecotName, Dovecot>();
/** The ports 25, 465 and 587 of each configuration of Postfix with one of Dovecot. */
const sending = new Map<string, Ports>();
let postfix: Postfix;

const configurationOf = ({ dovecot = 'usual', postfix = 'usual' }: Row) => ({ dovecot, postfix });
const keyOf = (row: Row) => JSON.stringify(configurationOf(row));

/** A policy service of Postfix that greylists every client, as postgrey does. */
async function startPolicyService(): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('action=DEFER_IF_PERMIT Greylisted\n\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  authority = makeAuthority();
  good = authority.issue([host]);
  const policy = await startPolicyService();
  const [relay = 0] = await freePorts(1);
  const names = Object.keys(dovecotSettings) as DovecotName[];
  await Promise.all(
    names.map(async (name) => {
      const settings: DovecotSettings = dovecotSettings[name];
      const own = typeof settings === 'string' ? settings : settings[dovecotRelease()];
      const reaching = own.replace('RELAY', String(relay));
      dovecots.set(name, await startDovecot(good, users, reaching));
    }),
  );
  const services = [`127.0.0.1:${relay} inet n - n - - smtpd`];
  for (const row of rows.map(([, one]) => one)) {
    if (sending.has(keyOf(row))) continue;
    const [smtp = 0, submissions = 0, submission = 0] = await freePorts(3);
    const { dovecot, postfix: name } = configurationOf(row);
    const path = `smtpd_sasl_path=inet:127.0.0.1:${dovecots.get(dovecot)?.auth}`;
    const options = [path, ...postfixOptions[name]]
      .map((one) => `-o ${one.replace('POLICY', String(policy))}`)
      .join(' ');
    services.push(
      `127.0.0.1:${submission} inet n - n - - smtpd ${options}`,
      `127.0.0.1:${submissions} inet n - n - - smtpd ${options} -o smtpd_tls_wrappermode=yes`,
      `127.0.0.1:${smtp} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no`,
    );
    sending.set(keyOf(row), { 25: smtp, 465: submissions, 587: submission });
  }
  postfix = await startPostfix(good, dovecots.get('usual')?.auth ?? 0, services);
}, 120_000);

afterAll(() => {
  for (const close of closing) close();
  for (const dovecot of dovecots.values()) dovecot.close();
  postfix.close();
  authority.remove();
});

/** The ports of a row, or of HAProxy in front of them. */
async function portsOf(row: Row): Promise<Ports> {
  const own = dovecots.get(configurationOf(row).dovecot)?.ports;
  const ofPostfix = sending.get(keyOf(row));
  const ports = row.submission ? { ...ofPostfix, ...own } : { ...own, ...ofPostfix };
  if (row.firewall !== undefined) return startFirewall(ports, row.firewall);
  return row.front === undefined ? ports : startHaproxy(ports, row.front);
}

/** Starts a relay in front of the ports for STARTTLS that replaces this word in what the server says. */
async function startFirewall(ports: Ports, by: Firewall): Promise<Ports> {
  const found: [number, number][] = [];
  for (const port of [143, 110, 587]) {
    const relay = createServer((client) => {
      const server = connect(ports[port] ?? 1, '127.0.0.1');
      for (const [from, to] of [[client, server] as const, [server, client] as const]) {
        from.on('error', () => to.destroy()).on('close', () => to.destroy());
      }
      client.on('data', (bytes) => server.write(bytes));
      server.on('data', (bytes) => {
        client.write(Buffer.from(bytes.toString('latin1').replace('STARTTLS', by), 'latin1'));
      });
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    closing.push(() => relay.close());
    found.push([port, (relay.address() as AddressInfo).port]);
  }
  return { ...ports, ...Object.fromEntries(found) };
}

/** Starts Debian's HAProxy in front of these ports. Where it ends TLS, the ports for STARTTLS are behind it. */
async function startHaproxy(ports: Ports, front: Front): Promise<Ports> {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const both = join(folder, 'both.pem');
  writeFileSync(both, readFileSync(good.certificate, 'utf8') + readFileSync(good.key, 'utf8'));
  const behind: Ports = { 993: ports[143] ?? 0, 995: ports[110] ?? 0, 465: ports[587] ?? 0 };
  const own = await freePorts(standardPorts.length);
  const listeners = standardPorts.flatMap((port, index) => {
    const ends = front === 'end TLS' && port in behind;
    const bind = `bind 127.0.0.1:${own[index]}${ends ? ` ssl crt ${both}` : ''}`;
    const to = `127.0.0.1:${(ends ? behind : ports)[port]}`;
    // Dovecot trusts connections from its own address: HAProxy has another one, as on a machine of its own.
    const speaks = {
      'PROXY protocol': ' send-proxy-v2',
      'end TLS': ' source 127.0.0.3',
      'pass on': '',
    }[front];
    return [`listen p${port}`, `  ${bind}`, `  server s ${to}${speaks}`];
  });
  const timeouts = ['connect', 'client', 'server'].map((one) => `  timeout ${one} 30s`);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, ['defaults', '  mode tcp', ...timeouts, ...listeners, ''].join('\n'));
  const haproxy: ChildProcess = spawn('/usr/sbin/haproxy', ['-db', '-f', file], {
    stdio: 'ignore',
  });
  closing.push(() => {
    haproxy.kill();
    rmSync(folder, { recursive: true });
  });
  await untilReady(own, dovecots.get('usual')?.auth ?? 0, () => 'HAProxy');
  const mapped = standardPorts.map((port, index) => [port, own[index]] as const);
  return { ...ports, ...Object.fromEntries(mapped) };
}

test.concurrent.each(rows)(
  '%s',
  async (_configuration, row) => {
    const ports = await portsOf(row);
    const address = row.otherAddress === true ? '127.0.0.2' : '127.0.0.1';
    const probes = new Probes({
      resolve: () => Promise.resolve([address]),
      isOwn: () => true,
      roots: authority.root,
      portOf: (port) => ports[port] ?? 1,
      // The usual limit only where it matters: a busy machine may need longer.
      ...(row.postfix === 'slow greeting' ? {} : { perPort: 30_000 }),
    });
    const prescribed = decideServices('example.com', defaultPolicy);
    const observations = await probes.observe([...prescribed.incoming, ...prescribed.outgoing]);
    const services = decideServices('example.com', defaultPolicy, observations);
    const [observed] = observations;
    const login = row.login ?? 'bob';
    const emailAddress = login.includes('@') ? login : `${login}@example.com`;
    const settings = {
      ...services,
      login,
      emailAddress,
      loginIsEmailAddress: login === emailAddress,
    };
    const { verdict } = await tryMailbox(settings as ClientSettings, password, probes);
    const says = row.says.length === 1 ? standardPorts.map(() => row.says[0]) : row.says;
    expect({ says: observed?.services.map(observedWords), verdict }).toEqual({
      says,
      verdict: row.verdict,
    });
  },
  90_000,
);

test('auth_mechanisms=login: each port accepts the right password and refuses a wrong one', async () => {
  const ports = await portsOf({
    ...{ dovecot: 'submission with LOGIN alone', submission: true, says: [], verdict: '' },
  });
  const probes = new Probes({
    ...{ resolve: () => Promise.resolve(['127.0.0.1']), roots: authority.root },
    portOf: (port) => ports[port] ?? 1,
  });
  const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
  const services = [...incoming, ...outgoing];
  const outcomes = await Promise.all(
    services.map(async (service) => {
      const right = await tryLogin(service, 'bob', password, probes);
      const wrong = await tryLogin(service, 'bob', 'wrong', probes);
      return [right.kind, wrong.kind];
    }),
  );
  expect(outcomes).toEqual(services.map(() => ['accepted', 'refused']));
});
