import { describe, expect, test } from '@jest/globals';
import {
  conditionOf,
  coversHost,
  hostOfCertificate,
  isBroken,
  observationOf,
  type Condition,
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

describe('conditionOf and isBroken', () => {
  test.each<[Result, Condition]>([
    [proven, 'usable'],
    [{ kind: 'not-checked' }, 'usable'],
    [{ kind: 'differs', how: 'starttls-not-offered' }, 'unusable'],
    [refused, 'unusable'],
    [{ kind: 'timed-out' }, 'unusable'],
    [{ kind: 'unresolved' }, 'unusable'],
    [{ kind: 'certificate-name', names: ['other.example'] }, 'certificate-not-accepted'],
    [{ kind: 'certificate-expired', until: 0 }, 'certificate-not-accepted'],
    [{ kind: 'certificate-untrusted', reason: 'SELF_SIGNED' }, 'certificate-not-accepted'],
  ])('$kind', (result, expected) => {
    expect(conditionOf(result)).toBe(expected);
    expect(isBroken(result)).toBe(expected !== 'usable');
  });
});

describe('coversHost', () => {
  test.each([
    [['mail.hosting.example'], 'mail.hosting.example', true],
    [['MAIL.Hosting.example'], 'mail.hosting.EXAMPLE', true],
    [['*.hosting.example'], 'mail.hosting.example', true],
    [['other.example', '*.hosting.example'], 'mail.hosting.example', true],
    // A wildcard stands for exactly one label, and for a whole one (RFC 9525, section 6.3).
    [['*.hosting.example'], 'hosting.example', false],
    [['*.hosting.example'], 'a.mail.hosting.example', false],
    [['m*.hosting.example'], 'mail.hosting.example', false],
    [['*.*.example'], 'mail.hosting.example', false],
    [['*.example'], 'hosting.example', false],
    [['*'], 'localhost', false],
    [['*.hosting.example.org'], 'mail.hosting.example', false],
    [[], 'mail.hosting.example', false],
  ])('%j for %s: %s', (names, host, expected) => {
    expect(coversHost(names, host)).toBe(expected);
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
    ['by a wildcard', [named('host.example', '*.host.example'), named(own)], own, own],
    ['by a wildcard of another level', [named('*.server.host.example')], own, null],
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
