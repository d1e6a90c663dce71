import type { PeerCertificate } from 'node:tls';
import { expect, test } from '@jest/globals';
import { certificateProblem } from '../../src/probe/probe';

const host = 'mail.example.com';

/** A certificate as Node.js describes it, with this subjectAltName. */
const certificate = (subjectaltname: string | undefined) =>
  ({
    subject: { CN: host },
    issuer: { CN: 'Test root' },
    valid_from: 'Nov  1 00:00:00 2026 GMT',
    valid_to: 'Dec  1 00:00:00 2026 GMT',
    subjectaltname,
  }) as PeerCertificate;

const noNames = { kind: 'certificate-untrusted', reason: 'NO_SUBJECT_ALTERNATIVE_NAME' };

test.each([
  ['the host', `DNS:${host}`, null],
  ['a wildcard', 'DNS:example.com, DNS:*.example.com', null],
  ['another host', 'DNS:example.com', { kind: 'certificate-name', names: ['example.com'] }],
  ['no names, the host only as its common name', undefined, noNames],
  ['an IP address alone', 'IP Address:192.0.2.1', noNames],
])('a certificate for %s', (_what, names, problem) => {
  const now = Date.parse('2026-11-20T00:00:00Z');
  expect(certificateProblem(host, certificate(names), null, now)).toEqual(problem);
});
