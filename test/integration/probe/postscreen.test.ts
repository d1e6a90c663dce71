import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decideServices } from '../../../src/domain/client-settings';
import { Probes } from '../../../src/probe/probes';
import { defaultPolicy } from '../../../src/settings/settings';
import { failuresIn } from '../../helpers/fail2ban';
import {
  freePorts,
  makeAuthority,
  startDovecot,
  startPostfix,
  untilReady,
  type Authority,
  type Certificate,
  type Dovecot,
} from '../../helpers/mail-ports';
import { observedWords } from '../../helpers/observed-words';

/** Tests of postscreen that need the client's commands: it answers them itself. */
const deep = [
  ...['postscreen_pipelining_enable=yes', 'postscreen_non_smtp_command_enable=yes'],
  'postscreen_bare_newline_enable=yes',
];

const { outgoing } = decideServices('example.com', defaultPolicy);
const services = outgoing.filter(({ port }) => port === 587);

let authority: Authority;
let certificate: Certificate;
let dovecot: Dovecot;

beforeAll(async () => {
  authority = makeAuthority();
  certificate = authority.issue(['mail.example.com']);
  dovecot = await startDovecot(certificate);
}, 30_000);

afterAll(() => {
  dovecot.close();
  authority.remove();
});

/** Starts Postfix with postscreen on port 25, as it treats clients of other networks; its smtpd gets these options. */
async function startPostscreen(smtpd: string, settings: readonly string[]) {
  const [smtp = 0, submission = 0] = await freePorts(2);
  const postfix = await startPostfix(
    certificate,
    dovecot.auth,
    [
      `127.0.0.1:${smtp} inet n - n - 1 postscreen`,
      `127.0.0.1:${submission} inet n - n - - smtpd`,
      `smtpd pass - - n - - smtpd ${smtpd}`,
      'tlsproxy unix - - n - 0 tlsproxy',
      'dnsblog unix - - n - 0 dnsblog',
    ],
    // By default the first line of the greeting comes at once, and the last one after six seconds.
    ['postscreen_access_list=', 'postscreen_greet_action=enforce', ...settings],
  );
  // Not of port 25: a connection that is just closed there is logged as a failure.
  await untilReady([submission], dovecot.auth, postfix.logged);
  const portOf = (port: number) => (port === 25 ? smtp : submission);
  return { ...postfix, portOf };
}

/** What the session on port 25 has left in the log, when it has ended. */
async function sessionIn(logged: () => string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const [before = '', after] = logged().split(/(?= PASS NEW )/);
    const own = before.split('\n').filter((line) => /postfix\/(postscreen|tlsproxy)/.test(line));
    if (after === undefined ? before.includes(' DISCONNECT ') : after.includes(' quit=1 ')) {
      return [...own, after ?? ''].join('\n');
    }
    await setTimeout(50);
  }
  throw new Error(logged());
}

describe('postscreen on port 25', () => {
  test.concurrent.each([
    ['no login', '-o smtpd_sasl_auth_enable=no', [], false],
    ['a login', '-o smtpd_tls_auth_only=no', [], true],
    ['a login after STARTTLS', '-o smtpd_tls_auth_only=yes', [], true],
    // Its own answers offer none, so that no client sees the login of this server.
    ['a login that it keeps from clients', '-o smtpd_tls_auth_only=yes', deep, false],
  ])(
    '%s',
    async (_what, smtpd, settings, expected) => {
      const postfix = await startPostscreen(smtpd, settings);
      try {
        const probes = new Probes({
          resolve: () => Promise.resolve(['127.0.0.1']),
          roots: authority.root,
          portOf: postfix.portOf,
          // The usual limit is nine seconds. A busy machine may need longer.
          perPort: 25_000,
        });
        const [observed] = await probes.observe(services);
        expect(observed?.services.map(observedWords)).toEqual(['proven']);
        expect(observed?.loginOnPort25).toBe(expected);
        const log = await sessionIn(postfix.logged);
        expect(log).not.toMatch(/PREGREET|HANGUP|COMMAND|BARE NEWLINE|NON-SMTP/);
        for (const filter of ['postfix', 'postfix[mode=aggressive]']) {
          expect([...failuresIn(log, filter)]).toEqual([]);
        }
      } finally {
        postfix.close();
      }
    },
    30_000,
  );
});
