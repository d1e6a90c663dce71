import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decideServices } from '../../src/domain/client-settings';
import type { Difference, Endpoint, HostObservations } from '../../src/domain/observation';
import { defaultPolicy } from '../../src/settings/settings';
import { mayConnect } from '../../src/network/addresses';
import { tryLogin } from '../../src/probe/login';
import { Probes, type ProbeOptions } from '../../src/probe/probes';
import { freePorts, makeAuthority, type Authority } from '../helpers/mail-ports';

const host = 'mail.example.com';
const { incoming, outgoing } = decideServices('example.com', defaultPolicy);
const endpoints: readonly Endpoint[] = [...incoming, ...outgoing];

let authority: Authority;
let good: { certificate: string; key: string };

beforeAll(() => {
  authority = makeAuthority();
  good = authority.issue([host, 'www.example.com']);
});

afterAll(() => {
  authority.remove();
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const usualOptions = (portOf: (port: number) => number): ProbeOptions => ({
  resolve: () => Promise.resolve(['127.0.0.1']),
  roots: authority.root,
  portOf,
});

/** The same with a shorter time limit. */
const options = (portOf: (port: number) => number, more: ProbeOptions = {}): ProbeOptions => ({
  ...usualOptions(portOf),
  perPort: 1_000,
  ...more,
});

async function observe(given: ProbeOptions, requested = endpoints): Promise<HostObservations> {
  const [observed] = await new Probes(given).observe(requested);
  if (observed === undefined) throw new Error('no observation');
  return observed;
}

const kinds = ({ services }: HostObservations) =>
  services.map(({ endpoint, result }) => [endpoint.port, result.kind]);

/** A server that calls `talk` for each connection. */
async function fake(talk: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts TLS on a connection, and calls `say` for each line received over it. */
function overTls(socket: Socket, say: (line: string, secured: TLSSocket) => void): void {
  const secured = new TLSSocket(socket, {
    isServer: true,
    cert: readFileSync(good.certificate),
    key: readFileSync(good.key),
  });
  secured.on('error', () => undefined);
  secured.on('data', (bytes) => {
    for (const line of String(bytes).split('\r\n').filter(Boolean)) say(line, secured);
  });
}

const submissionOnly: readonly Endpoint[] = [
  { protocol: 'submission', host, port: 587, security: 'starttls' },
];
const imapOnly: readonly Endpoint[] = [{ protocol: 'imap', host, port: 143, security: 'starttls' }];
const pop3Only: readonly Endpoint[] = [{ protocol: 'pop3', host, port: 110, security: 'starttls' }];
const imapsOnly: readonly Endpoint[] = [
  { protocol: 'imap', host, port: 993, security: 'implicit-tls' },
];

async function resultFrom(
  requested: readonly Endpoint[],
  talk: (socket: Socket) => void,
  more: ProbeOptions = {},
) {
  const port = await fake(talk);
  return (
    await observe(
      options(() => port, more),
      requested,
    )
  ).services[0];
}

describe('a port that', () => {
  test('is closed is reported as refused', async () => {
    const [port = 0] = await freePorts(1);
    const observed = await observe(options(() => port));
    expect(new Set(observed.services.map(({ result }) => result.kind))).toEqual(
      new Set(['refused']),
    );
    expect(observed.loginOnPort25).toBeNull();
  });

  test('never answers is reported as silent after nine seconds, all ports at the same time', async () => {
    const port = await fake(() => undefined);
    const began = Date.now();
    const observed = await observe(usualOptions(() => port));
    for (const { result } of observed.services) {
      expect(result).toEqual({ kind: 'differs', how: 'silent' });
    }
    expect(Date.now() - began).toBeGreaterThan(8_900);
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  test('drops connections is reported as timed out', async () => {
    // Linux drops the first packet of a connection if the queue of those not accepted yet is full.
    const server = spawn('perl', [
      ...['-MIO::Socket::INET', '-e'],
      '$|=1;$s=IO::Socket::INET->new(Listen=>1,LocalAddr=>"127.0.0.1");print $s->sockport,"\n";sleep',
    ]);
    closing.push(() => server.kill());
    const port = Number(String((await once(server.stdout, 'data'))[0]));
    const queued = [1, 2, 3].map(() => connect(port, '127.0.0.1').on('error', () => undefined));
    closing.push(() => {
      for (const socket of queued) socket.destroy();
    });
    await once(queued[1] ?? never(), 'connect');
    const observed = await observe(
      options(() => port, { perPort: 300 }),
      imapOnly,
    );
    expect(observed.services[0]?.result).toEqual({ kind: 'timed-out' });
  });

  const unending: [string, (socket: Socket) => void][] = [
    [
      'sends single bytes without end',
      (socket: Socket) => {
        const timer = setInterval(() => socket.write('* OK '), 200);
        socket.on('close', () => {
          clearInterval(timer);
        });
      },
    ],
    [
      'stops during the TLS handshake',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.on('data', (bytes) => {
          if (String(bytes).includes('CAPABILITY'))
            socket.write('* CAPABILITY IMAP4rev1 STARTTLS\r\nm1 OK\r\n');
          if (String(bytes).includes('STARTTLS')) socket.write('m2 OK begin\r\n\x16\x03');
        });
      },
    ],
  ];

  test.each(unending)('%s is reported as silent', async (_what, talk) => {
    const result = { kind: 'differs', how: 'silent' };
    expect((await resultFrom(imapOnly, talk, { perPort: 300 }))?.result).toEqual(result);
  });

  test.each<[string, readonly Endpoint[], string, boolean]>([
    ['* BYE Too many connections', imapOnly, 'Too many connections', true],
    ['* BYE Go away', imapOnly, 'Go away', false],
    ['* BYE Connection queue full', imapOnly, 'Connection queue full', true],
    ['-ERR Connection queue full', pop3Only, 'Connection queue full', true],
    ['-ERR [SYS/TEMP] busy', pop3Only, '[SYS/TEMP] busy', true],
    ['421 4.7.0 mx Error: too many connections from 192.0.2.1', submissionOnly, '', true],
    ['554 5.7.1 Client host blocked', submissionOnly, '', false],
  ])('greets with "%s" is reported with its words', async (line, requested, words, temporary) => {
    const observation = await resultFrom(requested, (socket) => void socket.end(`${line}\r\n`));
    expect(observation?.result).toEqual({
      ...{ kind: 'turned-away', words: words === '' ? line : words, temporary },
    });
  });

  test('ends the session later because too many clients are connected is reported with its words', async () => {
    const observation = await resultFrom(imapOnly, (socket) => {
      socket.write('* OK hello\r\n');
      socket.on('data', () => socket.end('* BYE Connection queue full\r\n'));
    });
    expect(observation?.result).toEqual({
      ...{ kind: 'turned-away', words: 'Connection queue full', temporary: true },
    });
  });

  test.each([
    ['another limit is reported with its words', '454 4.7.0 Error: too many new TLS sessions'],
    ['a missing key is reported as refused', '454 4.7.0 TLS not available due to local problem'],
  ])('refuses STARTTLS because of %s', async (what, words) => {
    const observation = await resultFrom(submissionOnly, (socket) => {
      socket.write('220 mx ESMTP\r\n');
      socket.on('data', (bytes) => {
        socket.write(
          String(bytes).startsWith('EHLO') ? '250-mx\r\n250 STARTTLS\r\n' : `${words}\r\n`,
        );
      });
    });
    expect(observation?.result).toEqual(
      what.includes('limit')
        ? { kind: 'turned-away', words, temporary: true }
        : { kind: 'differs', how: 'starttls-refused' },
    );
  });

  test('ends the connection before TLS without a word is reported as that', async () => {
    const observation = await resultFrom(imapsOnly, (socket) => {
      socket.on('data', () => socket.end());
    });
    expect(observation?.result).toEqual({ kind: 'differs', how: 'closes-connection' });
  });

  // https://www.cisco.com/c/en/us/support/docs/security/pix-500-series-security-appliances/113423-asa-esmtp-smtp-inspection.html
  test.each([
    ['overwrites the word STARTTLS', '250-mx\r\n250-XXXXXXXA\r\n250 AUTH PLAIN LOGIN\r\n'],
    ['overwrites the command STARTTLS', '250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n'],
  ])('is behind a firewall that %s is reported, and gets no password', async (_what, answer) => {
    let received = '';
    const port = await fake((socket) => {
      socket.write('220 mx ESMTP\r\n');
      socket.on('data', (bytes) => {
        received += String(bytes);
        if (String(bytes).startsWith('EHLO')) socket.write(answer);
        else socket.write('500 5.5.1 Command unrecognized: "XXXXXXXX"\r\n');
      });
    });
    const probes = new Probes(options(() => port));
    const result = { kind: 'differs', how: 'starttls-stripped' };
    expect((await probes.observe(submissionOnly))[0]?.services[0]?.result).toEqual(result);
    const [endpoint = never()] = submissionOnly;
    expect(await tryLogin(endpoint, 'bob', 'secret', probes)).toEqual({
      kind: 'not-reached',
      result,
    });
    expect(received).not.toContain('AUTH');
  });

  const differing: [string, Difference, (socket: Socket) => void][] = [
    ['closes immediately', 'closes-connection', (socket: Socket) => void socket.end()],
    [
      'speaks HTTP',
      'other-protocol',
      (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ],
    ['speaks SMTP', 'other-protocol', (socket: Socket) => void socket.write('220 mx ESMTP\r\n')],
    [
      'sends an endless line',
      'answers-too-much',
      (socket: Socket) => void socket.write('* OK ' + 'x'.repeat(20_000)),
    ],
    [
      'sends endless lines',
      'answers-too-much',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.once('data', () => socket.write('* X\r\n'.repeat(200)));
      },
    ],
    [
      'does not offer STARTTLS',
      'starttls-not-offered',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.on('data', () => socket.write('* CAPABILITY IMAP4rev1\r\nm1 OK\r\n'));
      },
    ],
    [
      'refuses STARTTLS',
      'starttls-refused',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.on('data', (bytes) =>
          socket.write(
            String(bytes).includes('STARTTLS')
              ? 'm2 NO\r\n'
              : '* CAPABILITY IMAP4rev1 STARTTLS\r\nm1 OK\r\n',
          ),
        );
      },
    ],
    [
      'breaks off the TLS handshake',
      'tls-fails',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.on('data', (bytes) => {
          const text = String(bytes);
          if (text.includes('CAPABILITY'))
            socket.write('* CAPABILITY IMAP4rev1 STARTTLS\r\nm1 OK\r\n');
          else if (text.includes('STARTTLS')) socket.write('m2 OK\r\n');
          else socket.end();
        });
      },
    ],
  ];

  test.each(differing)('%s is reported as different', async (_what, how, talk) => {
    expect((await resultFrom(imapOnly, talk))?.result).toEqual({ kind: 'differs', how });
  });

  test('lacks implicit TLS is reported as different', async () => {
    const observation = await resultFrom(
      imapsOnly,
      (socket) => void socket.write('* OK hello\r\n'),
    );
    expect(observation?.result).toEqual({ kind: 'differs', how: 'tls-fails' });
  });

  test('accepts no password after TLS is reported as different', async () => {
    const observation = await resultFrom(submissionOnly, (socket) => {
      socket.write('220 mx ESMTP\r\n');
      socket.on('data', (bytes) => {
        if (String(bytes).startsWith('EHLO')) socket.write('250-mx\r\n250 STARTTLS\r\n');
        if (String(bytes).startsWith('STARTTLS')) {
          socket.removeAllListeners('data');
          socket.write('220 go on\r\n');
          overTls(socket, (_line, secured) => secured.write('250-mx\r\n250 AUTH CRAM-MD5\r\n'));
        }
      });
    });
    expect(observation?.result).toEqual({ kind: 'differs', how: 'no-password-login' });
    expect(observation?.weaknesses).toEqual(['challenge-response']);
  });

  test('executes after STARTTLS what was sent before it is reported as weak', async () => {
    const observation = await resultFrom(submissionOnly, (socket) => {
      const answer = (line: string): string =>
        line.startsWith('EHLO') ? '250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n' : '500 what?\r\n';
      socket.write('220 mx ESMTP\r\n');
      socket.on('data', (bytes) => {
        const [line = '', rest = ''] = String(bytes).split('\r\n');
        if (line !== 'STARTTLS') {
          socket.write(answer(line));
          return;
        }
        socket.removeAllListeners('data');
        socket.write('220 go on\r\n');
        let waiting = rest;
        overTls(socket, (next, secured) => {
          if (waiting !== '') secured.write(answer(waiting));
          waiting = '';
          secured.write(answer(next));
        });
      });
    });
    expect(observation?.result).toEqual({ kind: 'proven' });
    expect(observation?.weaknesses).toContain('injection');
  });

  test('refuses STARTTLS with a command after it is tested for injection once a day', async () => {
    let injections = 0;
    const port = await fake((socket) => {
      socket.write('220 mx ESMTP\r\n');
      socket.on('data', (bytes) => {
        const line = String(bytes);
        if (line.startsWith('EHLO')) socket.write('250-mx\r\n250 STARTTLS\r\n');
        else if (line === 'STARTTLS\r\n') socket.write('454 4.7.0 TLS not available\r\n');
        else if (line.startsWith('STARTTLS')) {
          injections++;
          socket.end('554 SMTP synchronization error\r\n');
        }
      });
    });
    const probes = new Probes(options(() => port));
    await probes.observe(submissionOnly);
    await probes.refresh(submissionOnly);
    expect(injections).toBe(1);
  });

  test('offers only old TLS versions is reported as different', async () => {
    const server = createTlsServer({
      cert: readFileSync(good.certificate),
      key: readFileSync(good.key),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const [observation] = (
      await observe(
        options(() => port),
        imapsOnly,
      )
    ).services;
    expect(observation?.result).toEqual({ kind: 'differs', how: 'tls-fails' });
  });
});

describe('addresses that may be connected to', () => {
  const noOwnAddress = () => false;

  test.each([
    ...[
      '127.0.0.1',
      '10.0.0.1',
      '172.16.3.4',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
    ],
    ...[
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'ff02::1',
      '::ffff:127.0.0.1',
    ],
    ...[
      '::ffff:10.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      'localhost',
      '',
      '127.1',
      '0x7f.1',
      '1.2.3.4.5',
    ],
  ])('%s: never, unless it is an address of this machine', (address) => {
    expect(mayConnect(address, noOwnAddress)).toBe(false);
  });

  test.each(['93.184.216.34', '2606:2800:220:1::1'])('%s: allowed', (address) => {
    expect(mayConnect(address, noOwnAddress)).toBe(true);
  });

  test.each(['127.0.0.1', '10.0.0.1', '::1'])(
    '%s: allowed as an address of this machine',
    (address) => {
      expect(mayConnect(address, (one) => one === address)).toBe(true);
    },
  );

  test('a name with a private address is not connected to, and not proven', async () => {
    let connected = 0;
    const port = await fake(() => connected++);
    const resolve = () => Promise.resolve(['127.0.0.1', '::ffff:127.0.0.1']);
    const observed = await observe(options(() => port, { resolve, isOwn: noOwnAddress }));
    expect(observed.services[0]?.result).toEqual({ kind: 'not-checked' });
    expect(connected).toBe(0);
  });

  test('a failing name server does not prevent settings: there are no observations', async () => {
    const resolve = () => Promise.reject(new Error('broken'));
    expect(await new Probes(options((port) => port, { resolve })).observe(endpoints)).toEqual([]);
  });

  test('an unknown name is reported as unresolved', async () => {
    const observed = await observe(options((port) => port, { resolve: () => Promise.resolve([]) }));
    expect(kinds(observed)[0]).toEqual([143, 'unresolved']);
  });
});

describe('the cache of observations', () => {
  test('is shared by the domains of a host, and refreshed after ten minutes or by a refresh', async () => {
    let connections = 0;
    const port = await fake((socket) => {
      connections++;
      socket.end();
    });
    const clock = { now: 0 };
    let lookups = 0;
    const resolve = () => {
      lookups++;
      return Promise.resolve(['127.0.0.1']);
    };
    const probes = new Probes(options(() => port, { resolve, now: () => clock.now }));
    await Promise.all([probes.observe(endpoints), probes.observe(endpoints)]);
    expect(lookups).toBe(1);
    clock.now += 9 * 60_000;
    await probes.observe(endpoints);
    expect(lookups).toBe(1);
    clock.now += 2 * 60_000;
    const [look] = await probes.look(endpoints, 0);
    expect(look).toMatchObject({ kind: 'answer', refreshing: true });
    await probes.refresh(endpoints);
    expect(lookups).toBe(2);
    expect(connections).toBeGreaterThan(0);
  });
});

describe('a check that was cancelled by everybody who waited', () => {
  const silent = () => fake(() => undefined);
  const hosts = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      endpoints.map((one) => ({ ...one, host: `mail.${index}.example` })),
    );
  const pause = (milliseconds: number) =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    });
  const until = async (condition: () => boolean) => {
    while (!condition()) await pause(10);
  };

  test('is aborted: hosts in the queue, and open connections', async () => {
    let open = 0;
    const port = await fake((socket) => {
      open++;
      socket.on('close', () => open--).resume();
    });
    const resolved = new Set<string>();
    const resolve = (name: string) => {
      resolved.add(name);
      return Promise.resolve(['127.0.0.1', '::1']);
    };
    const probes = new Probes(options(() => port, { resolve }));
    const leaving = new AbortController();
    setMaxListeners(0, leaving.signal);
    const all = Promise.all(hosts(60).map((of) => probes.observe(of, leaving.signal)));
    await until(() => open > 0);
    leaving.abort();
    expect((await all).flat()).toEqual([]);
    await until(() => open === 0);
    await pause(200);
    expect([resolved.size, open]).toEqual([20, 0]);
  });

  test('continues while somebody else waits, and starts again for the next request', async () => {
    const port = await silent();
    let lookups = 0;
    const resolve = () => {
      lookups++;
      return Promise.resolve(['127.0.0.1']);
    };
    const probes = new Probes(options(() => port, { resolve, perPort: 500 }));
    const leaving = new AbortController();
    const [first, second] = [probes.observe(endpoints, leaving.signal), probes.observe(endpoints)];
    await pause(100);
    leaving.abort();
    expect(kinds((await first)[0] ?? never()).every(([, kind]) => kind === 'differs')).toBe(true);
    expect(await second).toEqual(await first);
    expect(lookups).toBe(1);

    // The name servers are slow: the next request comes after the first was aborted, but before it has ended.
    const slowly = async () => {
      await pause(600);
      return ['127.0.0.1'];
    };
    const other = new Probes(options(() => port, { resolve: slowly, perPort: 500 }));
    const gone = new AbortController();
    const given = other.observe(endpoints, gone.signal);
    gone.abort();
    await pause(450);
    const next = other.observe(endpoints);
    expect(await given).toEqual([]);
    expect(await next).toHaveLength(1);
  }, 20_000);
});

function never(): never {
  throw new Error('no observation');
}
