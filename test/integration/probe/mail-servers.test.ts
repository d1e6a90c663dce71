import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decideServices } from '../../../src/domain/client-settings';
import type { HostObservations } from '../../../src/domain/observation';
import { defaultPolicy } from '../../../src/settings/settings';
import { Probes, type ProbeOptions } from '../../../src/probe/probes';
import {
  makeAuthority,
  startMailPorts,
  type Authority,
  type MailPorts,
} from '../../helpers/mail-ports';

const host = 'mail.example.com';
const { incoming, outgoing } = decideServices('example.com', defaultPolicy);

let authority: Authority;
let good: { certificate: string; key: string };
let goodPorts: MailPorts;

beforeAll(async () => {
  authority = makeAuthority();
  good = authority.issue([host, 'www.example.com']);
  goodPorts = await startMailPorts(good);
});

afterAll(() => {
  goodPorts.close();
  authority.remove();
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function observe(
  { portOf }: MailPorts,
  options: ProbeOptions = {},
): Promise<HostObservations> {
  const probes = new Probes({
    resolve: () => Promise.resolve(['127.0.0.1']),
    roots: authority.root,
    portOf,
    ...options,
  });
  const [observed] = await probes.observe([...incoming, ...outgoing]);
  if (observed === undefined) throw new Error('no observation');
  return observed;
}

describe("Debian's Dovecot and Postfix", () => {
  test('with a valid certificate: all six ports are proven, and port 25 accepts no login', async () => {
    const observed = await observe(goodPorts);
    expect(observed.services.map(({ endpoint, result }) => [endpoint.port, result.kind])).toEqual(
      [143, 993, 110, 995, 587, 465].map((port) => [port, 'proven']),
    );
    expect(observed.loginOnPort25).toBe(false);
    for (const {
      weaknesses,
      tlsVersion,
      mechanisms,
      certificate,
      addresses,
    } of observed.services) {
      expect(weaknesses).toEqual([]);
      expect(tlsVersion).toBe('TLSv1.3');
      expect(mechanisms).toContain('PLAIN');
      expect(certificate).toMatchObject({ names: [host, 'www.example.com'], issuer: 'Test root' });
      expect(addresses).toEqual([{ address: '127.0.0.1', result: { kind: 'proven' } }]);
    }
  });

  test.each([
    ['has expired', () => authority.issue([host], -1), 'certificate-expired'],
    ['is for another name', () => authority.issue(['panel.example.net']), 'certificate-name'],
    [
      'is signed by an unknown authority',
      () => authority.selfSigned(host),
      'certificate-untrusted',
    ],
  ])('with a certificate that %s', async (_what, make, kind) => {
    const ports = await startMailPorts(make());
    closing.push(ports.close);
    const observed = await observe(ports);
    expect(new Set(observed.services.map(({ result }) => result.kind))).toEqual(new Set([kind]));
    const [first] = observed.services;
    if (kind === 'certificate-name') {
      expect(first?.result).toEqual({ kind, names: ['panel.example.net'] });
    }
    expect(first?.certificate).not.toBeNull();
  });

  test('logins without encryption or with CRAM-MD5 work and are reported as weak', async () => {
    const ports = await startMailPorts(good, {}, 'auth_mechanisms = plain cram-md5\n', [
      'smtpd_tls_auth_only=no',
    ]);
    closing.push(ports.close);
    const observed = await observe(ports);
    const [imap, , , , submission] = observed.services;
    expect(imap?.weaknesses).toEqual(['challenge-response']);
    expect(submission?.result).toEqual({ kind: 'proven' });
    expect(submission?.weaknesses).toEqual([
      'login-before-tls',
      'challenge-response',
      'no-login-mechanism',
    ]);
  });

  test('IPv4 and IPv6 are distinguished', async () => {
    const resolve = () => Promise.resolve(['127.0.0.1', '::1']);
    const observed = await observe(goodPorts, { resolve });
    for (const { result, weaknesses, addresses } of observed.services) {
      expect(result).toEqual({ kind: 'proven' });
      expect(weaknesses).toEqual(['one-family-fails']);
      expect(addresses.map((one) => one.result.kind)).toEqual(['proven', 'refused']);
    }
  });
});
