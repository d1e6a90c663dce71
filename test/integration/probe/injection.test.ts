import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { takesInjection } from '../../../src/probe/probe';
import {
  makeAuthority,
  startMailPorts,
  type Authority,
  type MailPorts,
} from '../../helpers/mail-ports';

let authority: Authority;
let ports: MailPorts;

beforeAll(async () => {
  authority = makeAuthority();
  ports = await startMailPorts(authority.issue(['mail.example.com']));
}, 30_000);

afterAll(() => {
  ports.close();
  authority.remove();
});

// Dovecot 2.4 with OpenSSL 3.5 waits for the rest of a record if the command looks like the beginning of a long one.
test.each([
  ['imap', 143],
  ['pop3', 110],
  ['submission', 587],
] as const)(
  'a command before TLS is not carried out, which is known at once: %s',
  async (protocol, port) => {
    const endpoint = { protocol, host: 'mail.example.com', port, security: 'starttls' } as const;
    const context = {
      ...{ secureContext: createSecureContext(), now: Date.now, isOwn: () => true },
      portOf: ports.portOf,
    };
    const signal = AbortSignal.timeout(5_000);
    expect(await takesInjection(endpoint, '127.0.0.1', context, signal)).toBe(false);
  },
);
