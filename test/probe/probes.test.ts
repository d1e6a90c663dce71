import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decideServices } from '../../src/domain/client-settings';
import type { Difference, Endpoint, HostObservations } from '../../src/domain/observation';
import { defaultPolicy } from '../../src/settings/settings';
import { mayConnect } from '../../src/network/addresses';
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

/** The same with less patience for what does not answer. */
const options = (portOf: (port: number) => number, more: ProbeOptions = {}): ProbeOptions => ({
  ...usualOptions(portOf),
  perPort: 1_000,
  ...more,
});

async function observe(given: ProbeOptions, asked = endpoints): Promise<HostObservations> {
  const [seen] = await new Probes(given).observe(asked);
  if (seen === undefined) throw new Error('nothing seen');
  return seen;
}

const kinds = ({ services }: HostObservations) =>
  services.map(({ endpoint, result }) => [endpoint.port, result.kind]);

/** A server that does something to everyone who connects. */
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

/** Goes over to TLS on a connection, and goes on with what a client says there. */
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
const imapsOnly: readonly Endpoint[] = [
  { protocol: 'imap', host, port: 993, security: 'implicit-tls' },
];

async function resultFrom(
  asked: readonly Endpoint[],
  talk: (socket: Socket) => void,
  more: ProbeOptions = {},
) {
  const port = await fake(talk);
  return (
    await observe(
      options(() => port, more),
      asked,
    )
  ).services[0];
}

describe('a port that', () => {
  test('is closed', async () => {
    const [port = 0] = await freePorts(1);
    const seen = await observe(options(() => port));
    expect(new Set(seen.services.map(({ result }) => result.kind))).toEqual(new Set(['refused']));
    expect(seen.loginOnPort25).toBeNull();
  });

  test('is silent is given up after five seconds, all of them at once', async () => {
    const port = await fake(() => undefined);
    const began = Date.now();
    const seen = await observe(usualOptions(() => port));
    expect(new Set(seen.services.map(({ result }) => result.kind))).toEqual(new Set(['timed-out']));
    expect(Date.now() - began).toBeGreaterThan(4_900);
    expect(Date.now() - began).toBeLessThan(9_000);
  });

  const unending: [string, 'timed-out', (socket: Socket) => void][] = [
    [
      'drips',
      'timed-out',
      (socket: Socket) => {
        const timer = setInterval(() => socket.write('* OK '), 200);
        socket.on('close', () => {
          clearInterval(timer);
        });
      },
    ],
    [
      'stops in the middle of TLS',
      'timed-out',
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

  test.each(unending)('%s', async (_what, kind, talk) => {
    expect((await resultFrom(imapOnly, talk, { perPort: 300 }))?.result).toEqual({ kind });
  });

  const differing: [string, Difference, (socket: Socket) => void][] = [
    ['closes at once', 'closes-connection', (socket: Socket) => void socket.end()],
    ['says goodbye', 'closes-connection', (socket: Socket) => void socket.end('* BYE busy\r\n')],
    [
      'speaks HTTP',
      'other-protocol',
      (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ],
    ['speaks SMTP', 'other-protocol', (socket: Socket) => void socket.write('220 mx ESMTP\r\n')],
    [
      'sends a line without an end',
      'answers-too-much',
      (socket: Socket) => void socket.write('* OK ' + 'x'.repeat(20_000)),
    ],
    [
      'sends lines without an end',
      'answers-too-much',
      (socket: Socket) => {
        socket.write('* OK hello\r\n');
        socket.once('data', () => socket.write('* X\r\n'.repeat(200)));
      },
    ],
    [
      'has no STARTTLS',
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
      'breaks TLS off',
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

  test.each(differing)('%s', async (_what, how, talk) => {
    expect((await resultFrom(imapOnly, talk))?.result).toEqual({ kind: 'differs', how });
  });

  test('speaks no TLS where it should at once', async () => {
    const seen = await resultFrom(imapsOnly, (socket) => void socket.write('* OK hello\r\n'));
    expect(seen?.result).toEqual({ kind: 'differs', how: 'tls-fails' });
  });

  test('takes no password after TLS', async () => {
    const seen = await resultFrom(submissionOnly, (socket) => {
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
    expect(seen?.result).toEqual({ kind: 'differs', how: 'no-password-login' });
    expect(seen?.weaknesses).toEqual(['challenge-response']);
  });

  test('carries out after TLS what came before it', async () => {
    const seen = await resultFrom(submissionOnly, (socket) => {
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
    expect(seen?.result).toEqual({ kind: 'proven' });
    expect(seen?.weaknesses).toContain('injection');
  });

  test('speaks only an old TLS', async () => {
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
    const [seen] = (
      await observe(
        options(() => port),
        imapsOnly,
      )
    ).services;
    expect(seen?.result).toEqual({ kind: 'differs', how: 'tls-fails' });
  });
});

describe('what is connected to', () => {
  const nobody = () => false;

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
  ])('%s is not, where it is not this machine', (address) => {
    expect(mayConnect(address, nobody)).toBe(false);
  });

  test.each(['93.184.216.34', '2606:2800:220:1::1'])('%s is', (address) => {
    expect(mayConnect(address, nobody)).toBe(true);
  });

  test.each(['127.0.0.1', '10.0.0.1', '::1'])(
    "%s is, where it is this machine's own",
    (address) => {
      expect(mayConnect(address, (one) => one === address)).toBe(true);
    },
  );

  test('a name that leads to a private address is not, and is not taken for proven', async () => {
    let connected = 0;
    const port = await fake(() => connected++);
    const resolve = () => Promise.resolve(['127.0.0.1', '::ffff:127.0.0.1']);
    const seen = await observe(options(() => port, { resolve, isOwn: nobody }));
    expect(seen.services[0]?.result).toEqual({ kind: 'not-checked' });
    expect(connected).toBe(0);
  });

  test('a host that cannot be asked at all keeps no settings from being given out', async () => {
    const resolve = () => Promise.reject(new Error('broken'));
    expect(await new Probes(options((port) => port, { resolve })).observe(endpoints)).toEqual([]);
  });

  test('a name that nobody knows', async () => {
    const seen = await observe(options((port) => port, { resolve: () => Promise.resolve([]) }));
    expect(kinds(seen)[0]).toEqual([143, 'unresolved']);
  });
});

describe('what was seen is kept', () => {
  test('by host, for all domains of it, and looked at again after ten minutes or when it is asked for', async () => {
    let connections = 0;
    const port = await fake((socket) => {
      connections++;
      socket.end();
    });
    const clock = { now: 0 };
    let asked = 0;
    const resolve = () => {
      asked++;
      return Promise.resolve(['127.0.0.1']);
    };
    const probes = new Probes(options(() => port, { resolve, now: () => clock.now }));
    await Promise.all([probes.observe(endpoints), probes.observe(endpoints)]);
    expect(asked).toBe(1);
    clock.now += 9 * 60_000;
    await probes.observe(endpoints);
    expect(asked).toBe(1);
    clock.now += 2 * 60_000;
    const [look] = await probes.look(endpoints, 0);
    expect(look).toMatchObject({ kind: 'answer', refreshing: true });
    await probes.refresh(endpoints);
    expect(asked).toBe(2);
    expect(connections).toBeGreaterThan(0);
  });
});

describe('what nobody waits for any more', () => {
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

  test('is given up: the hosts in the queue, and those that were being asked', async () => {
    let open = 0;
    const port = await fake((socket) => {
      open++;
      socket.on('close', () => open--).resume();
    });
    const asked = new Set<string>();
    const resolve = (name: string) => {
      asked.add(name);
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
    expect([asked.size, open]).toEqual([20, 0]);
  });

  test('is gone on with for another who does, and asked anew for the next', async () => {
    const port = await silent();
    let asked = 0;
    const resolve = () => {
      asked++;
      return Promise.resolve(['127.0.0.1']);
    };
    const probes = new Probes(options(() => port, { resolve, perPort: 500 }));
    const leaving = new AbortController();
    const [first, second] = [probes.observe(endpoints, leaving.signal), probes.observe(endpoints)];
    await pause(100);
    leaving.abort();
    expect(kinds((await first)[0] ?? never()).every(([, kind]) => kind === 'timed-out')).toBe(true);
    expect(await second).toEqual(await first);
    expect(asked).toBe(1);

    // The name servers are slow: it has been given up when the next one comes, and has not ended yet.
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
  throw new Error('nothing seen');
}
