import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../../src/domain/observation';
import { tryLogin } from '../../../src/probe/login';
import { Probes } from '../../../src/probe/probes';
import { makeChain, type Chain } from '../../helpers/certificates';
import {
  dovecotCertificate,
  freePorts,
  makeAuthority,
  startDovecot,
  startPostfix,
  untilReady,
  type Authority,
  type Certificate,
  type Dovecot,
} from '../../helpers/mail-ports';

let authority: Authority;
let unknown: Authority;
let complete: Chain;
let incomplete: Chain;
let ofDefaultHost: Certificate;

/** Kinds of certificates: the host they are for, how one is made, and what the check says. */
const kinds: readonly [string, string, () => Certificate, string][] = [
  ['valid', 'good.example', () => authority.issue(['good.example']), 'proven'],
  ['with a wildcard', 'mail.wild.example', () => authority.issue(['*.wild.example']), 'proven'],
  [
    'with a wildcard, for a host two labels below it',
    'a.mail.wild.example',
    () => authority.issue(['*.wild.example']),
    'certificate-name',
  ],
  [
    'with a wildcard, for its domain',
    'only-wild.example',
    () => authority.issue(['*.only-wild.example']),
    'certificate-name',
  ],
  [
    'for another name',
    'wrong.example',
    () => authority.issue(['panel.example.net']),
    'certificate-name',
  ],
  [
    'expired',
    'expired.example',
    () => authority.issue(['expired.example'], -1),
    'certificate-expired',
  ],
  [
    'not valid yet',
    'tomorrow.example',
    () => authority.issueFaulty('tomorrow.example', 'not valid yet'),
    'CERT_NOT_YET_VALID',
  ],
  [
    'with its name only as common name',
    'common.example',
    () => authority.issueFaulty('common.example', 'no alternative name'),
    'NO_SUBJECT_ALTERNATIVE_NAME',
  ],
  [
    'self-signed',
    'self.example',
    () => authority.selfSigned('self.example'),
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  ],
  [
    'of an unknown authority',
    'unknown.example',
    () => unknown.issue(['unknown.example']),
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  ['with its intermediate certificate', 'complete.example', () => complete, 'proven'],
  [
    'without its intermediate certificate',
    'incomplete.example',
    () => ({ certificate: join(incomplete.folder, 'signer.pem'), key: incomplete.key }),
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  [
    'with an RSA key of 1,024 bits',
    'short.example',
    () => authority.issue(['short.example'], 30, ['rsa:1024']),
    'KEY',
  ],
  [
    'with an RSA key of 2,048 bits',
    'rsa.example',
    () => authority.issue(['rsa.example'], 30, ['rsa:2048']),
    'proven',
  ],
  [
    'with an Ed25519 key',
    'ed.example',
    () => authority.issue(['ed.example'], 30, ['ed25519']),
    'KEY',
  ],
  [
    'signed with SHA-1',
    'sha1.example',
    () => authority.issueFaulty('sha1.example', 'signed with SHA-1'),
    'UNSPECIFIED',
  ],
];

/** A host for which no server has a certificate: it gets that of the default host. */
const otherHost = 'other.example';

const endpoint = (
  protocol: 'imap' | 'submission',
  host: string,
  port: number,
  security: 'starttls' | 'implicit-tls',
): Endpoint => ({ protocol, host, port, security });

/** What each server is asked for a host. */
const imapOf = (host: string) => [
  endpoint('imap', host, 143, 'starttls'),
  endpoint('imap', host, 993, 'implicit-tls'),
];
const submissionOf = (host: string) => [
  endpoint('submission', host, 587, 'starttls'),
  endpoint('submission', host, 465, 'implicit-tls'),
];

const closing: (() => void)[] = [];
const password = 'Correct horse';
let folder: string;
let certificates: ReadonlyMap<string, Certificate>;
let dovecot: Dovecot;
let dovecotWithProxy: Dovecot;
const ports = new Map<number, number>();

const probesAt = (portOf: (port: number) => number) =>
  new Probes({
    ...{ resolve: () => Promise.resolve(['127.0.0.1']), isOwn: () => true, perPort: 30_000 },
    roots: [
      authority.root,
      ...[complete, incomplete].map(({ root }) => readFileSync(root, 'utf8')),
    ],
    portOf,
  });

async function check(probes: Probes, endpoints: readonly Endpoint[]): Promise<string[]> {
  const [observed] = await probes.observe(endpoints);
  if (observed === undefined) throw new Error('no observation');
  return observed.services.map(({ result }) =>
    result.kind === 'certificate-untrusted' ? result.reason : result.kind,
  );
}

/** Starts Debian's HAProxy with these parts of a configuration. */
async function startHaproxy(port: number, lines: readonly string[]): Promise<void> {
  const timeouts = ['connect', 'client', 'server'].map((one) => `  timeout ${one} 30s`);
  const file = join(folder, `haproxy${port}.cfg`);
  writeFileSync(file, ['defaults', '  mode tcp', ...timeouts, ...lines, ''].join('\n'));
  const haproxy = spawn('/usr/sbin/haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  closing.unshift(() => haproxy.kill());
  await untilReady([port], dovecot.auth, () => 'HAProxy');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  closing.push(() => {
    rmSync(folder, { recursive: true });
  });
  authority = makeAuthority();
  unknown = makeAuthority();
  complete = makeChain('P-256', 30, 'complete.example');
  incomplete = makeChain('P-256', 30, 'incomplete.example');
  closing.push(authority.remove, unknown.remove, complete.remove, incomplete.remove);
  ofDefaultHost = authority.issue(['mail.example.com']);
  certificates = new Map(kinds.map(([, host, make]) => [host, make()]));
  const byName = [...certificates].map(
    ([host, certificate]) => `local_name ${host} {\n${dovecotCertificate(certificate)}}\n`,
  );
  // OpenSSL refuses RSA keys of 1,024 bits and SHA-1 otherwise.
  const ciphers = 'ALL:@SECLEVEL=0';
  const users = { bob: password };
  const settings = `ssl_cipher_list = ${ciphers}\n${byName.join('')}`;
  dovecot = await startDovecot(ofDefaultHost, users, settings);
  dovecotWithProxy = await startDovecot(
    authority.issue(['second.example']),
    users,
    `haproxy_trusted_networks = 127.0.0.0/8
    service imap-login {
      inet_listener imap {
        haproxy = yes
      }
    }`,
  );
  closing.unshift(dovecot.close, dovecotWithProxy.close);
  const map = [...certificates].map(
    ([host, { certificate, key }]) => `${host} ${key}, ${certificate}`,
  );
  writeFileSync(join(folder, 'sni'), `${map.join('\n')}\n`);
  const [submission = 0, submissions = 0] = await freePorts(2);
  const postfix = await startPostfix(
    ofDefaultHost,
    dovecot.auth,
    [
      `127.0.0.1:${submission} inet n - n - - smtpd`,
      `127.0.0.1:${submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`,
    ],
    [`tls_server_sni_maps=texthash:${join(folder, 'sni')}`, `tls_high_cipherlist=${ciphers}`],
  );
  closing.unshift(postfix.close);
  await untilReady([submission, submissions], dovecot.auth, postfix.logged);
  ports.set(143, dovecot.ports[143]).set(993, dovecot.ports[993]);
  ports.set(587, submission).set(465, submissions);
}, 60_000);

afterAll(() => {
  for (const close of closing) close();
});

describe.each([
  ['Dovecot, local_name', imapOf],
  ['Postfix, tls_server_sni_maps', submissionOf],
])('%s: a certificate', (_server, endpointsOf) => {
  test.concurrent.each([
    ...kinds,
    ['of the default host', otherHost, () => ofDefaultHost, 'certificate-name'] as const,
  ])('%s', async (_kind, host, _make, expected) => {
    const probes = probesAt((port) => ports.get(port) ?? 1);
    const endpoints = endpointsOf(host);
    expect(await check(probes, endpoints)).toEqual([expected, expected]);
    const logins = await Promise.all(
      endpoints.map((one) => tryLogin(one, 'bob', password, probes)),
    );
    const kind = expected === 'proven' ? 'accepted' : 'not-reached';
    expect(logins.map((one) => one.kind)).toEqual([kind, kind]);
  });
});

describe('HAProxy', () => {
  test('ends TLS with a certificate by SNI, and tells Dovecot', async () => {
    const [port = 0] = await freePorts(1);
    const own = join(folder, 'haproxy');
    mkdirSync(own);
    // The first in the alphabet is the default.
    const used = {
      'a.pem': ofDefaultHost,
      'b.pem': certificates.get('good.example'),
      'c.pem': complete,
    };
    for (const [file, one] of Object.entries(used)) {
      if (one === undefined) throw new Error('no certificate');
      const both = [one.certificate, one.key].map((path) => readFileSync(path, 'utf8'));
      writeFileSync(join(own, file), both.join(''));
    }
    await startHaproxy(port, [
      'listen imaps',
      `  bind 127.0.0.1:${port} ssl crt ${own}`,
      // From another address than Dovecot's, which it would trust anyway.
      `  server s 127.0.0.1:${dovecotWithProxy.ports[143]} send-proxy-v2-ssl source 127.0.0.3`,
    ]);
    const probes = probesAt((one) => (one === 993 ? port : 1));
    const said = async (host: string) =>
      check(probes, [endpoint('imap', host, 993, 'implicit-tls')]);
    expect(await said('mail.example.com')).toEqual(['proven']);
    expect(await said('good.example')).toEqual(['proven']);
    expect(await said('complete.example')).toEqual(['proven']);
    expect(await said(otherHost)).toEqual(['certificate-name']);
  });

  test('passes TLS on to a server by SNI', async () => {
    const [port = 0] = await freePorts(1);
    await startHaproxy(port, [
      'frontend imaps',
      `  bind 127.0.0.1:${port}`,
      '  tcp-request inspect-delay 5s',
      '  tcp-request content accept if { req.ssl_hello_type 1 }',
      '  use_backend second if { req.ssl_sni -i second.example }',
      '  default_backend first',
      'backend first',
      `  server s 127.0.0.1:${dovecot.ports[993]}`,
      'backend second',
      `  server s 127.0.0.1:${dovecotWithProxy.ports[993]}`,
    ]);
    const probes = probesAt((one) => (one === 993 ? port : 1));
    const said = async (host: string) =>
      check(probes, [endpoint('imap', host, 993, 'implicit-tls')]);
    expect(await said('mail.example.com')).toEqual(['proven']);
    expect(await said('good.example')).toEqual(['proven']);
    expect(await said('second.example')).toEqual(['proven']);
    expect(await said(otherHost)).toEqual(['certificate-name']);
  });
});
