import { describe, expect, test } from '@jest/globals';
import {
  hostOfCertificate,
  isBroken,
  observationOf,
  type Endpoint,
  type HostObservations,
  type Observation,
  type Result,
} from '../../src/domain/observation';

const imap: Endpoint = {
  protocol: 'imap',
  host: 'mail.example.com',
  port: 143,
  security: 'starttls',
};

const proven: Result = { kind: 'proven' };
const refused: Result = { kind: 'refused' };

const observed = (result: Result, endpoint = imap): Observation => ({
  endpoint,
  result,
  weaknesses: [],
  certificate: null,
  tlsVersion: null,
  mechanisms: [],
  addresses: [],
});

const hostOf = (services: readonly Observation[], asOf = 0): HostObservations => ({
  host: 'mail.example.com',
  asOf,
  services,
  loginOnPort25: null,
});

describe('isBroken', () => {
  test.each<[Result, boolean]>([
    [proven, false],
    [{ kind: 'not-checked' }, false],
    [{ kind: 'differs', how: 'starttls-not-offered' }, true],
    [refused, true],
    [{ kind: 'timed-out' }, true],
    [{ kind: 'unresolved' }, true],
    [{ kind: 'certificate-name', names: ['other.example'] }, true],
    [{ kind: 'certificate-expired', until: 0 }, true],
    [{ kind: 'certificate-untrusted', reason: 'SELF_SIGNED' }, true],
  ])('$kind', (result, expected) => {
    expect(isBroken(result)).toBe(expected);
  });
});

describe('observationOf', () => {
  const other: Endpoint = { ...imap, host: 'other.example' };
  const observations = [
    hostOf([observed(refused, other)], 1),
    hostOf(
      [observed(proven, { ...imap, port: 993, security: 'implicit-tls' }), observed(proven)],
      2,
    ),
    hostOf([observed(refused)], 3),
  ];

  test.each([
    ['with the time of its host', imap, proven, 2],
    ['of another host', other, refused, 1],
  ] as const)('returns the endpoint %s', (_name, endpoint, result, asOf) => {
    expect(observationOf(observations, endpoint)).toEqual({
      observation: observed(result, endpoint),
      asOf,
    });
  });

  test.each<[string, Partial<Endpoint>]>([
    ['another protocol', { protocol: 'pop3' }],
    ['another host', { host: 'mail.example.org' }],
    ['another port', { port: 144 }],
    ['another security', { security: 'implicit-tls' }],
  ])('returns null for %s', (_name, change) => {
    expect(observationOf(observations, { ...imap, ...change })).toBeNull();
  });

  test('returns null without observations', () => {
    expect(observationOf([], imap)).toBeNull();
  });
});

describe('hostOfCertificate', () => {
  const own = 'server.host.example';
  const named = (...names: string[]): Result => ({ kind: 'certificate-name', names });

  test.each<[string, Result[], string | null, string | null]>([
    ['every certificate names the server', [named(own), named(own)], own, own],
    ['among other names', [named('x.example', own)], own, own],
    [
      'in other letters, on either side',
      [named('Server.Host.EXAMPLE')],
      'SERVER.host.example',
      own,
    ],
    ['where other ports show no certificate', [named(own), refused], own, own],
    [
      'where other certificates have run out',
      [named(own), { kind: 'certificate-expired', until: 0 }],
      own,
      own,
    ],
    ['one port is proven: the prescribed host works', [named(own), proven], own, null],
    ['one certificate is for a third name', [named(own), named('x.example')], own, null],
    ['every certificate is for a third name', [named('x.example')], own, null],
    ['only a part of the name matches', [named('host.example')], own, null],
    ['no certificate was received', [refused], own, null],
    ['nothing was checked', [], own, null],
    ['the server has no such name', [named(own)], null, null],
  ])('%s', (_name, results, ownHost, expected) => {
    const observations = results.map((result) => hostOf([observed(result)]));
    expect(hostOfCertificate(observations, ownHost)).toBe(expected);
  });
});
