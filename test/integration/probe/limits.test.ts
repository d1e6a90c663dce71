import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decideServices, type Service } from '../../../src/domain/client-settings';
import { isBroken } from '../../../src/domain/observation';
import { tryLogin } from '../../../src/probe/login';
import { Probes } from '../../../src/probe/probes';
import { defaultPolicy } from '../../../src/settings/settings';
import {
  freePorts,
  makeAuthority,
  startDovecot,
  startMailPorts,
  startPostfix,
  untilReady,
  type Authority,
  type Certificate,
  type DovecotSettings,
  type MailPorts,
} from '../../helpers/mail-ports';
import { observedWords } from '../../helpers/observed-words';

const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
const services = [...incoming, ...outgoing];
const sending = services.filter(({ protocol }) => protocol === 'submission');

let authority: Authority;
let certificate: Certificate;

beforeAll(() => {
  authority = makeAuthority();
  certificate = authority.issue(['mail.example.com']);
});

afterAll(() => {
  authority.remove();
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const start = async (dovecot: DovecotSettings, postfix: readonly string[]) => {
  const ports = await startMailPorts(certificate, { bob: 'right' }, dovecot, postfix);
  closing.push(ports.close);
  return ports;
};

const newProbes = ({ portOf }: Pick<MailPorts, 'portOf'>, perPort = 30_000) =>
  new Probes({
    ...{ resolve: () => Promise.resolve(['127.0.0.1']), roots: authority.root, portOf, perPort },
  });

/** Opens a connection that stays, and waits for the server's greeting. */
async function hold(ports: Pick<MailPorts, 'portOf'>, port: number): Promise<Socket> {
  const to = { host: '127.0.0.1', port: ports.portOf(port) };
  const socket = port === 465 ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  socket.on('error', () => undefined);
  closing.unshift(() => socket.destroy());
  await once(socket, 'data');
  return socket;
}

/** What a check says of these ports. */
async function check(probes: Probes, of: readonly Service[] = services): Promise<string[]> {
  await probes.refresh(of);
  const [observed] = await probes.observe(of);
  return observed?.services.map(observedWords) ?? [];
}

const outcomes = async (probes: Probes, of: readonly Service[] = services) => {
  const found: string[] = [];
  for (const service of of) found.push((await tryLogin(service, 'bob', 'right', probes)).kind);
  return found;
};

const same = (what: string, of: readonly unknown[] = services) => of.map(() => what);

describe('Dovecot', () => {
  test('mail_max_userip_connections: the check is not concerned, and the password is not said to be wrong', async () => {
    const ports = await start('mail_max_userip_connections = 1', []);
    const probes = newProbes(ports);
    for (const port of [143, 110]) {
      const socket = await hold(ports, port);
      socket.write(port === 143 ? 'a LOGIN bob right\r\n' : 'USER bob\r\nPASS right\r\n');
      for (let said = ''; !/^(a OK|\+OK Logged in)/m.test(said);) {
        said += String((await once(socket, 'data'))[0]);
      }
    }
    expect(await check(probes)).toEqual(same('proven'));
    expect(await outcomes(probes)).toEqual([
      ...same('server-trouble', incoming),
      ...same('accepted', outgoing),
    ]);
  });

  test('after wrong passwords it delays the right one for 15 s: the login is still awaited', async () => {
    // The helper switches the delays off.
    const penalty = 'service anvil {\nunix_listener anvil-auth-penalty {\nmode = 0600\n}\n}\n';
    const probes = newProbes(await start(penalty, []));
    const [imap] = incoming;
    if (imap === undefined) throw new Error('no IMAP');
    for (const password of ['one', 'two', 'three', 'four']) {
      expect(await tryLogin(imap, 'bob', password, probes)).toMatchObject({ kind: 'refused' });
    }
    const began = Date.now();
    expect(await tryLogin(imap, 'bob', 'right', probes)).toEqual({ kind: 'accepted' });
    // AUTH_PENALTY_MAX_SECS in Dovecot's auth-penalty.h.
    expect(Date.now() - began).toBeGreaterThan(14_000);
  }, 60_000);

  // The words are those of test/probe/probes.test.ts.
  test('client_limit: says to the oldest client why it ends the session', async () => {
    const limits = (service: string) => ({
      '2.3': `service ${service} {\nservice_count = 0\nclient_limit = 2\nprocess_limit = 1\n}\n`,
      '2.4': `service ${service} {\nrestart_request_count = unlimited\nclient_limit = 2\nprocess_limit = 1\n}\n`,
    });
    const [imap, pop3] = [limits('imap-login'), limits('pop3-login')];
    const ports = await start(
      { '2.3': imap['2.3'] + pop3['2.3'], '2.4': imap['2.4'] + pop3['2.4'] },
      [],
    );
    const said = async (port: number) => {
      const oldest = await hold(ports, port);
      await hold(ports, port);
      const last = once(oldest, 'data');
      await hold(ports, port);
      return String((await last)[0]).trim();
    };
    expect(await said(143)).toBe('* BYE Connection queue full');
    expect(await said(110)).toBe('-ERR Connection queue full');
  });
});

/** Postfix exempts its own networks from limits by default. */
const noExceptions = 'smtpd_client_event_limit_exceptions=';

describe('Postfix', () => {
  test.each([
    ['smtpd_client_connection_count_limit', 'smtpd_client_connection_count_limit=1'],
    ['smtpd_client_connection_rate_limit', 'smtpd_client_connection_rate_limit=1'],
  ])('%s: refused for now, and no password is sent', async (_limit, setting) => {
    const ports = await start('', [noExceptions, setting]);
    for (const { port } of sending) await hold(ports, port);
    const probes = newProbes(ports);
    const said = ['proven', 'proven', 'proven', 'proven', ...same('turned away for now', outgoing)];
    expect(await check(probes)).toEqual(said);
    const [observed] = await probes.observe(services);
    for (const { result } of observed?.services ?? []) expect(isBroken(result)).toBe(false);
    expect(await outcomes(probes, sending)).toEqual(same('not-reached', sending));
  });

  test('smtpd_client_new_tls_session_rate_limit: refused for now, or the connection is ended', async () => {
    const ports = await start('', [noExceptions, 'smtpd_client_new_tls_session_rate_limit=3']);
    const probes = newProbes(ports);
    expect(await check(probes, sending)).toEqual(same('proven', sending));
    for (let count = 0; count < 3; count++) await check(probes, sending);
    expect(await check(probes, sending)).toEqual(['turned away for now', 'closes-connection']);
  });

  test('smtpd_client_auth_rate_limit: the password is not said to be wrong', async () => {
    const ports = await start('', [noExceptions, 'smtpd_client_auth_rate_limit=1']);
    const probes = newProbes(ports);
    expect(await outcomes(probes, sending)).toEqual(same('accepted', sending));
    expect(await outcomes(probes, sending)).toEqual(same('server-trouble', sending));
  });

  test('all processes are busy: does not answer, and works again when one is free', async () => {
    const dovecot = await startDovecot(certificate, { bob: 'right' });
    closing.push(dovecot.close);
    const [submission = 0] = await freePorts(1);
    const only = `127.0.0.1:${submission} inet n - n - 1 smtpd`;
    const postfix = await startPostfix(certificate, dovecot.auth, [only]);
    closing.push(postfix.close);
    await untilReady([submission], dovecot.auth, postfix.logged);
    const ports = { portOf: (port: number) => (port === 587 ? submission : 1) };
    const [of587] = sending.filter(({ port }) => port === 587);
    if (of587 === undefined) throw new Error('no port 587');
    const busy = await hold(ports, 587);
    expect(await check(newProbes(ports, 1_000), [of587])).toEqual(['silent']);
    busy.end('QUIT\r\n');
    expect(await check(newProbes(ports), [of587])).toEqual(['proven']);
  });
});
