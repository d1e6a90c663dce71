import { readFileSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { DiscoveryOptions } from '../../src/discovery/discover';
import { discover } from '../../src/discovery/discover';
import { decideClientSettings } from '../../src/domain/client-settings';
import {
  faultsOf,
  guessesLogin,
  outcomeOf,
  type Lookup,
  type LookupResult,
  type Search,
} from '../../src/domain/discovery';
import { defaultPolicy } from '../../src/settings/settings';
import { autoconfig } from '../../src/formats/autoconfig';
import { autodiscover } from '../../src/formats/autodiscover';
import { startApp } from '../helpers/app';
import { bob, exampleCom, observationsOf } from '../helpers/domain';
import { makeAuthority, type Authority } from '../helpers/mail-ports';

const settings = decideClientSettings(bob, exampleCom, defaultPolicy);
const own = ['example.com', 'autoconfig.example.com', 'autodiscover.example.com'];
const others = ['mail.example.com', 'elsewhere.example', 'nomail.example'];

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let authority: Authority;
let ports: { http: number; https: number };
const closing: (() => void)[] = [];
/** The answers of the web servers by URL; everything else is a 404. */
let pages: Record<string, string | Handler> = {};
let requests: string[] = [];

beforeAll(async () => {
  authority = makeAuthority();
  const { certificate, key } = authority.issue([
    ...own,
    ...others,
    'autoconfig.in.hoster.example',
    'autoconfig.hoster.example',
  ]);
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { host = '', path } = { host: request.headers.host, path: request.url ?? '' };
    const secure = 'encrypted' in request.socket;
    const address = `${secure ? 'https' : 'http'}://${host}${path.split('?')[0] ?? ''}`;
    requests.push(`${request.method ?? ''} ${address}`);
    const page = pages[address];
    if (typeof page === 'function') {
      response.setHeader('Content-Type', 'text/xml');
      page(request, response);
      return;
    }
    response.statusCode = page === undefined ? 404 : 200;
    response.setHeader('Content-Type', 'text/xml');
    response.end(page ?? 'nothing');
  };
  const http = createHttpServer(serve);
  const https = createHttpsServer(
    { cert: readFileSync(certificate), key: readFileSync(key) },
    serve,
  );
  for (const server of [http, https]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
  }
  ports = {
    http: (http.address() as AddressInfo).port,
    https: (https.address() as AddressInfo).port,
  };
});

afterEach(() => {
  pages = {};
  requests = [];
});

afterAll(() => {
  for (const close of closing) close();
  authority.remove();
});

const options = (more: DiscoveryOptions = {}): DiscoveryOptions => ({
  resolve: (host) =>
    Promise.resolve(own.includes(host) || host === 'elsewhere.example' ? ['127.0.0.1'] : []),
  roots: authority.root,
  portOf: (port) => (port === 443 ? ports.https : ports.http),
  names: { mx: () => Promise.resolve([]), srv: () => Promise.resolve([]) },
  ...more,
});

const search = async (client: Search['client'], more: DiscoveryOptions = {}) => {
  const found = await discover(
    'bob@example.com',
    'example.com',
    ['mail.example.com'],
    options(more),
  );
  const one = found.searches.find((each) => each.client === client);
  if (one === undefined) throw new Error(client);
  return one;
};

describe('faults of an advertised server', () => {
  const right = {
    protocol: 'imap',
    host: 'mail.example.com',
    port: 143,
    security: 'starttls',
    login: 'bob.example',
    flaws: [],
  } as const;

  test.each([
    ['none', {}, []],
    [
      'the address as user name',
      { login: 'bob@example.com' },
      [{ kind: 'login', advertised: 'bob@example.com' }],
    ],
    [
      'no user name, which means the address',
      { login: null },
      [{ kind: 'login', advertised: 'bob@example.com' }],
    ],
    ['another host', { host: 'imap.example.com' }, [{ kind: 'not-prescribed' }]],
    ['another port', { port: 144 }, [{ kind: 'not-prescribed' }]],
    ['the security of another port', { security: 'implicit-tls' }, [{ kind: 'not-prescribed' }]],
    ['no encryption', { security: null }, [{ kind: 'not-encrypted' }]],
    ['a flaw', { flaws: ['challenge-response'] }, [{ kind: 'challenge-response' }]],
    [
      'uncertain encryption',
      { security: null, flaws: ['encryption-unclear'] },
      [{ kind: 'encryption-unclear' }],
    ],
    ['a host in capital letters is right', { host: 'MAIL.example.com' }, []],
  ] as const)('%s', (_what, change, faults) => {
    expect(faultsOf({ ...right, ...change }, settings)).toEqual(faults);
  });

  test('a port observed as broken', () => {
    const observations = observationsOf(defaultPolicy, { 143: { kind: 'refused' } });
    const broken = decideClientSettings(bob, exampleCom, defaultPolicy, observations);
    expect(faultsOf(right, broken)).toEqual([{ kind: 'broken' }]);
  });
});

describe('what a client does after its search', () => {
  const servers = { kind: 'servers', settings: none() } as const;
  const refused = { kind: 'refused', why: { kind: 'other-document' }, skipped: [] } as const;
  const nothing = { kind: 'nothing', status: 404 } as const;
  const elsewhere = { kind: 'leads-elsewhere', to: 'https://elsewhere.example/' } as const;

  function none() {
    return { servers: [], usesAll: false, otherAccounts: [], skipped: [], unspecified: [] };
  }

  const outcome = (...lookups: [step: string, found: LookupResult][]) =>
    outcomeOf({
      client: 'thunderbird',
      lookups: lookups.map(([step, found], index): Lookup => ({
        ...{ step, found },
        asked: [{ method: 'GET', url: `https://${index}.example/` }],
      })),
    });

  test.each<[string, [string, LookupResult][], string]>([
    [
      'nothing anywhere',
      [
        ['a', nothing],
        ['b', nothing],
      ],
      'guesses',
    ],
    [
      'settings at the second place',
      [
        ['a', nothing],
        ['a', servers],
      ],
      'settings 1',
    ],
    [
      'a useless answer ends the step',
      [
        ['a', refused],
        ['a', servers],
      ],
      'guesses',
    ],
    [
      'and the next step is tried',
      [
        ['a', refused],
        ['a', servers],
        ['b', servers],
      ],
      'settings 2',
    ],
    [
      'unreadable XML does not end it',
      [
        ['a', { kind: 'not-understood' }],
        ['a', servers],
      ],
      'settings 1',
    ],
    [
      'it follows a redirect',
      [
        ['a', elsewhere],
        ['a', servers],
      ],
      'elsewhere 0',
    ],
    [
      'which comes after better settings',
      [
        ['a', servers],
        ['a', elsewhere],
      ],
      'settings 0',
    ],
    [
      'others are not asked',
      [
        ['a', { kind: 'not-asked', why: 'others' }],
        ['b', servers],
      ],
      'settings 1',
    ],
  ])('%s', (_what, lookups, is) => {
    const result = outcome(...lookups);
    const from =
      result.kind === 'guesses' ? '' : ` ${new URL(result.from.asked[0].url).host[0] ?? ''}`;
    expect(`${result.kind}${from}`).toBe(is);
  });

  test.each([
    ['thunderbird', 'bob@example.com', true],
    ['thunderbird', 'bob', true],
    ['thunderbird', 'bob.example', false],
    ['outlook', 'bob@example.com', true],
    ['outlook', 'bob', false],
  ] as const)('%s guesses %s: %s', (client, login, does) => {
    const search = { client, lookups: [] };
    expect(guessesLogin(search, { emailAddress: 'bob@example.com', login })).toBe(does);
  });
});

describe('a discovery search', () => {
  const known = 'https://example.com/.well-known/autoconfig/mail/config-v1.1.xml';
  const named = 'https://autoconfig.example.com/mail/config-v1.1.xml';

  const to =
    (location: string): Handler =>
    (_request, response) => {
      response.writeHead(302, { Location: location }).end();
    };

  const serversIn = (search: Search) => {
    const outcome = outcomeOf(search);
    return outcome.kind === 'settings' ? outcome.settings.servers : null;
  };
  /** The requests of a search and their results, a line each, without the query. */
  const linesOf = ({ lookups }: Search) =>
    lookups.map(({ asked, found }) => {
      const line = asked.map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`);
      return `${line.join(' > ')} ${found.kind}`;
    });

  test('tries the places in the order of the client; the first result counts', async () => {
    pages = {
      [known]: autoconfig({ ...settings, login: 'second' }),
      [named]: autoconfig(settings),
    };
    const found = await search('thunderbird');
    expect(linesOf(found)).toEqual([
      `GET ${named} servers`,
      `GET ${known} servers`,
      `GET ${named.replace('https', 'http')} nothing`,
      `GET ${known.replace('https', 'http')} nothing`,
      'GET https://live.thunderbird.net/autoconfig/v1.1/example.com not-asked',
      'POST https://autodiscover.example.com/autodiscover/autodiscover.xml not-asked',
      'POST https://example.com/autodiscover/autodiscover.xml not-asked',
      'POST http://autodiscover.example.com/autodiscover/autodiscover.xml not-asked',
      'SRV _autodiscover._tcp.example.com not-asked',
    ]);
    expect(serversIn(found)?.[0]?.login).toBe('bob.example');
    expect(
      new Set(found.lookups.slice(0, 4).map(({ asked }) => asked[0].url.split('?')[1])),
    ).toEqual(new Set(['emailaddress=bob%40example.com']));
    // What comes after it is not requested for Thunderbird, and others never are.
    expect(requests.filter((one) => one.includes('thunderbird'))).toEqual([]);
    expect(requests).not.toContain(
      'POST http://autodiscover.example.com/autodiscover/autodiscover.xml',
    );
  });

  test('a web page that answers every name keeps Thunderbird from looking further', async () => {
    pages = {
      [named]: (_request, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end('<html>Welcome</html>');
      },
      [known]: autoconfig(settings),
    };
    const found = await search('thunderbird');
    expect(found.lookups[0]?.found).toMatchObject({ kind: 'refused' });
    expect(outcomeOf(found)).toEqual({ kind: 'guesses' });
  });

  test('looks because of the MX record in the domain of its host, and in the registered one', async () => {
    const at = (domain: string) => `https://autoconfig.${domain}/mail/config-v1.1.xml`;
    pages = { [at('hoster.example')]: autoconfig(settings) };
    const withMx = (...hosts: string[]) =>
      search('thunderbird', {
        resolve: (host) =>
          Promise.resolve(/^autoconfig\.(in\.)?hoster\.example$/.test(host) ? ['127.0.0.1'] : []),
        names: {
          mx: () => Promise.resolve(hosts.map((exchange, priority) => ({ exchange, priority }))),
          srv: () => Promise.resolve([]),
        },
      });
    const found = await withMx('mx1.in.hoster.example.', 'mx.other.example');
    expect(linesOf(found).slice(4, 9)).toEqual([
      'GET https://live.thunderbird.net/autoconfig/v1.1/example.com not-asked',
      `GET ${at('in.hoster.example')} nothing`,
      'GET https://live.thunderbird.net/autoconfig/v1.1/in.hoster.example not-asked',
      `GET ${at('hoster.example')} servers`,
      'GET https://live.thunderbird.net/autoconfig/v1.1/hoster.example not-asked',
    ]);
    expect(serversIn(found)).not.toBeNull();
    expect(found.lookups[5]?.asked[0].url).toContain('?emailaddress=bob%40example.com');
    // Nothing else is there, and a domain that many register in is none: Gecko's list of public suffixes.
    for (const mx of ['mail.example.com', 'example.com', '', 'localhost', '192.0.2.1'])
      expect((await withMx(mx)).lookups.filter(({ step }) => step.startsWith('mx'))).toEqual([]);
    const british = await withMx('mail.hoster.co.uk');
    expect(british.lookups.map(({ step }) => step).filter((one) => one.startsWith('mx'))).toEqual([
      'mx hoster.co.uk',
    ]);
  });

  test('Thunderbird takes autodiscover where there is nothing else', async () => {
    pages = { 'https://example.com/autodiscover/autodiscover.xml': autodiscover(settings) };
    const found = await search('thunderbird');
    expect(outcomeOf(found)).toMatchObject({
      kind: 'settings',
      from: { step: 'autodiscover', asked: [{ method: 'POST' }] },
    });
  });

  test('finds the settings where a program answers and needs the address', async () => {
    const program = 'https://example.com/cgi-bin/autoconfig.cgi';
    pages = {
      // Apache's Redirect appends the query of the request.
      [known]: (request, response) => {
        const query = (request.url ?? '').split('?')[1] ?? '';
        response.writeHead(302, { Location: `${program}?${query}` }).end();
      },
      // autoconfig.cgi of Virtualmin fails without the address.
      [program]: (request, response) => {
        const { searchParams } = new URL(request.url ?? '', program);
        if (searchParams.get('emailaddress') === 'bob@example.com')
          response.end(autoconfig(settings));
        else {
          response.setHeader('Content-Type', 'text/plain');
          response.end('Missing emailaddress parameter');
        }
      },
    };
    const found = await search('thunderbird');
    expect(found.lookups[1]?.found.kind).toBe('servers');
    expect(serversIn(found)?.[0]?.login).toBe('bob.example');
    expect(linesOf(found)[1]).toBe(`GET ${known} > GET ${program} servers`);
  });

  test('for Outlook sends the address in the request', async () => {
    let sent = '';
    pages = {
      'https://autodiscover.example.com/autodiscover/autodiscover.xml': (request, response) => {
        void buffer(request).then((bytes) => {
          sent = String(bytes);
          response.end(autodiscover(settings));
        });
      },
    };
    const found = await search('outlook');
    expect(serversIn(found)?.map(({ login }) => login)).toEqual(['bob.example', 'bob.example']);
    expect(sent).toContain('<EMailAddress>bob@example.com</EMailAddress>');
    expect(linesOf(found)).toEqual([
      'POST https://example.com/autodiscover/autodiscover.xml nothing',
      'POST https://autodiscover.example.com/autodiscover/autodiscover.xml servers',
      'GET http://autodiscover.example.com/autodiscover/autodiscover.xml not-asked',
      'SRV _autodiscover._tcp.example.com not-asked',
    ]);
  });

  describe('Outlook', () => {
    const file = 'autodiscover/autodiscover.xml';
    const plain = `http://autodiscover.example.com/${file}`;
    const away = `https://mail.example.com/${file}`;
    const answerOf = (account: string) =>
      `<Autodiscover><Response><Account>${account}</Account></Response></Autodiscover>`;
    const reachable = {
      resolve: (host: string) =>
        Promise.resolve([...own, 'mail.example.com'].includes(host) ? ['127.0.0.1'] : []),
    };
    const last = async (more: DiscoveryOptions = reachable) => {
      const lines = linesOf(await search('outlook', more));
      return [lines[2], lines[3]];
    };

    test('follows a redirect without TLS, and repeats the request there', async () => {
      pages = { [plain]: to(away), [away]: autodiscover(settings) };
      expect((await last())[0]).toBe(`GET ${plain} > POST ${away} servers`);
    });

    test('takes no settings without TLS', async () => {
      pages = { [plain]: autodiscover(settings) };
      expect((await last())[0]).toBe(`GET ${plain} no-redirect`);
      expect(outcomeOf(await search('outlook'))).toEqual({ kind: 'guesses' });
    });

    test('goes where the SRV record leads, on the port of HTTPS', async () => {
      const record = '_autodiscover._tcp.example.com';
      pages = { [away]: autodiscover(settings) };
      const names = (host: string) => ({
        mx: () => Promise.resolve([]),
        srv: (name: string) =>
          Promise.resolve(
            name === record
              ? [
                  { name: 'later.example', port: 443, priority: 9, weight: 9 },
                  { name: host, port: 8443, priority: 0, weight: 1 },
                ]
              : [],
          ),
      });
      expect((await last({ ...reachable, names: names('mail.example.com') }))[1]).toBe(
        `SRV ${record} > POST ${away} servers`,
      );
      expect((await last({ ...reachable, names: names('.') }))[1]).toBe(`SRV ${record} no-record`);
      expect((await last())[1]).toBe(`SRV ${record} no-record`);
    });

    test.each(['127.0.0.1', 'a b', 'mail.example.com/x?', 'user@mail.example.com'])(
      'does not go to %s because of the SRV record',
      async (name) => {
        const srv = () => Promise.resolve([{ name, port: 443, priority: 0, weight: 0 }]);
        const names = { mx: () => Promise.resolve([]), srv };
        expect((await last({ ...reachable, names }))[1]).toMatch(/no-record$/);
      },
    );

    test('goes to the URL of an answer, within the domain', async () => {
      const url = (where: string) =>
        answerOf(`<Action>redirectUrl</Action><RedirectUrl>${where}</RedirectUrl>`);
      const first = `https://example.com/${file}`;
      pages = { [first]: url(away), [away]: autodiscover(settings) };
      expect(linesOf(await search('outlook', reachable))[0]).toBe(
        `POST ${first} > POST ${away} servers`,
      );
      pages = { [first]: url('https://elsewhere.example/x') };
      const found = await search('outlook', reachable);
      expect(outcomeOf(found).kind).toBe('elsewhere');
      expect(found.lookups[0]?.found).toEqual({
        kind: 'leads-elsewhere',
        to: 'https://elsewhere.example/x',
      });
      pages = { [first]: url(first) };
      requests = [];
      expect(linesOf(await search('outlook', reachable))[0]).toMatch(/leads-elsewhere$/);
      // Four times for Outlook, and once for Thunderbird, which does not follow it.
      expect(requests.filter((one) => one === `POST ${first}`)).toHaveLength(5);
    });

    test('asks again for the address of an answer, if it is in the domain', async () => {
      const first = `https://example.com/${file}`;
      const sent: string[] = [];
      pages = {
        [first]: (request, response) => {
          void buffer(request).then((bytes) => {
            const address = /<EMailAddress>(.*?)</.exec(String(bytes))?.[1] ?? '';
            sent.push(address);
            response.end(
              address === 'robert@example.com'
                ? autodiscover(settings)
                : answerOf(
                    '<Action>redirectAddr</Action><RedirectAddr>robert@example.com</RedirectAddr>',
                  ),
            );
          });
        },
      };
      const found = await search('outlook', reachable);
      expect(linesOf(found)[0]).toBe(`POST ${first} > POST ${first} servers`);
      // Both clients do.
      expect(sent.sort()).toEqual(
        ['bob', 'bob', 'robert', 'robert'].map((name) => `${name}@example.com`),
      );
      pages = {
        [first]: answerOf('<Action>redirectAddr</Action><RedirectAddr>b@x.example</RedirectAddr>'),
      };
      expect((await search('outlook', reachable)).lookups[0]?.found).toEqual({
        kind: 'leads-elsewhere',
        to: 'b@x.example',
      });
    });
  });

  test('finds nothing where no host has an address', async () => {
    const found = await search('thunderbird', { resolve: () => Promise.resolve([]) });
    expect(serversIn(found)).toBeNull();
    expect(new Set(found.lookups.slice(0, 4).map(({ found: one }) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ kind: 'unreachable', why: 'no-address' })]),
    );
  });

  test('follows a redirect within the domain', async () => {
    pages = { [named]: to(known), [known]: autoconfig(settings) };
    expect((await search('thunderbird')).lookups[0]?.found.kind).toBe('servers');
  });

  test.each([
    'https://elsewhere.example/x.xml',
    'http://127.0.0.1/x',
    'http://[::1]/x',
    'https://example.com:8443/x',
    'https://example.com.elsewhere.example/x',
    'https://notexample.com/x',
    'file:///etc/passwd',
    'https://user@example.com/x',
    'http://',
  ])('does not follow a redirect to %s', async (location) => {
    pages = { [named]: to(location), 'https://elsewhere.example/x.xml': autoconfig(settings) };
    const { found } = (await search('thunderbird')).lookups[0] ?? {};
    expect(found).toEqual({ kind: 'leads-elsewhere', to: location });
    expect(requests.filter((one) => /elsewhere|127|passwd/.test(one))).toEqual([]);
  });

  test('ends a redirect loop', async () => {
    pages = { [named]: to(named) };
    expect((await search('thunderbird')).lookups[0]?.found.kind).toBe('leads-elsewhere');
    expect(requests.filter((one) => one === `GET ${named}`)).toHaveLength(4);
  });

  test('does not connect to a private address, unless it is the address of this machine', async () => {
    const found = await search('thunderbird', { isOwn: () => false });
    expect(found.lookups[0]?.found).toEqual({ kind: 'unreachable', why: 'no-address' });
    expect(requests).toEqual([]);
  });

  test('rejects an invalid certificate and an endless answer', async () => {
    const strict = await search('thunderbird', { roots: [] });
    expect(strict.lookups[0]?.found).toEqual({ kind: 'unreachable', why: 'certificate' });
    pages = {
      [named]: (_request, response) => {
        const timer = setInterval(() => response.write('x'.repeat(32_768)), 5);
        response.on('close', () => {
          clearInterval(timer);
        });
      },
    };
    expect((await search('thunderbird')).lookups[0]?.found).toEqual({
      kind: 'unreachable',
      why: 'no-answer',
    });
  });

  test('reads SRV and MX records', async () => {
    const names = {
      mx: () =>
        Promise.resolve([
          { exchange: 'b.example', priority: 20 },
          { exchange: 'a.example', priority: 10 },
        ]),
      srv: (name: string) =>
        Promise.resolve(
          name === '_imaps._tcp.example.com'
            ? [{ name: 'mail.example.com', port: 993, priority: 0, weight: 1 }]
            : name === '_pop3._tcp.example.com'
              ? [{ name: '', port: 0, priority: 0, weight: 0 }]
              : [],
        ),
    };
    const found = await discover('bob@example.com', 'example.com', [], options({ names }));
    expect(found.mx).toEqual(['a.example', 'b.example']);
    expect(
      found.srv.map(({ name, server }) => [name, server.host, server.port, server.security]),
    ).toEqual([['_imaps._tcp.example.com', 'mail.example.com', 993, 'implicit-tls']]);
  });

  test('the page of a domain shows each mailbox, and requests a missing place only once', async () => {
    pages = {
      [known]: (_request, response) => response.end(autoconfig(settings)),
    };
    const app = await startApp({
      discovery: options({
        resolve: (host) => Promise.resolve(host === 'example.com' ? ['127.0.0.1'] : []),
      }),
    });
    const { text } = await app.get('/domains/example.com/discovery');
    const rows = text.match(/<tr>[^]*?<\/tr>/g)?.slice(1) ?? [];
    const [of, other] = ['bob@example.com', 'zoe@example.com'].map((address) =>
      rows.find((row) => row.includes(`>${address}<`)),
    );
    expect(of).toMatch(/data-label="Thunderbird"><span class="mcs-tag mcs-good">right/);
    expect(of).toMatch(
      /data-label="Outlook"><span class="mcs-tag mcs-off">guesses<[^]*as user name/,
    );
    expect(other).toMatch(
      /data-label="Thunderbird"><span class="mcs-tag mcs-off">wrong<[^]*bob\.example/,
    );
    // The place that exists gets one request per address, a missing place one in total.
    const places = (start: string) => requests.filter((one) => one.startsWith(start)).length;
    expect(places(`GET ${known}`)).toBe(rows.length);
    expect(places('GET https://autoconfig.example.com')).toBe(0);
    const answer = await app.get('/domains/example.com/discovery.json');
    expect(answer.body).toMatchObject({
      domain: 'example.com',
      page: 1,
      pages: 1,
      srv: [],
      mx: [],
    });
    const { mailboxes } = answer.body as { mailboxes: { login: string }[] };
    expect(mailboxes.map(({ login }) => login)).toContain('bob.example');
    app.close();
  });

  test('POP3 that is left out beside IMAP is told, and is no fault', async () => {
    pages = {
      [known]: autoconfig(settings).replaceAll(
        /(<incomingServer type="pop3">[^]*?<authentication>)[^<]*/g,
        '$1',
      ),
    };
    const app = await startApp({
      discovery: options({
        resolve: (host) => Promise.resolve(host === 'example.com' ? ['127.0.0.1'] : []),
      }),
    });
    const mailbox = '/domains/example.com/mailboxes/bob.example/discovery';
    const [, thunderbird = ''] = (await app.get(mailbox)).text.split('<h2>');
    expect(thunderbird).toContain('mcs-good');
    expect(thunderbird).not.toContain('mcs-off');
    expect(thunderbird).toContain(
      'It leaves out POP3, because authentication is missing or empty. That does no harm: it uses IMAP.',
    );
    const { text } = await app.get('/domains/example.com/discovery');
    const row = text.match(/<tr>[^]*?<\/tr>/g)?.find((one) => one.includes('>bob@example.com<'));
    expect(row).toMatch(
      /data-label="Thunderbird"><span class="mcs-tag mcs-good">right<[^.;]*<\/td>/,
    );
    const answer = await app.get(`${mailbox}.json`);
    const left = { what: 'authentication', value: '', protocol: 'pop3' };
    expect(answer.body).toMatchObject({ searches: [{ faults: [], unneeded: [left, left] }, {}] });
    app.close();
  });

  describe('in a domain without mail', () => {
    const domain = 'nomail.example';
    const left = {
      ...settings,
      domain,
      emailAddress: `info@${domain}`,
      login: 'info.nomail',
    };
    const there = (mx: string[], srv: string[]) =>
      options({
        resolve: (host) => Promise.resolve(host === domain ? ['127.0.0.1'] : []),
        names: {
          mx: () => Promise.resolve(mx.map((exchange) => ({ exchange, priority: 1 }))),
          srv: (name) =>
            Promise.resolve(
              srv.includes(name)
                ? [{ name: 'mail.nomail.example', port: 993, priority: 0, weight: 1 }]
                : [],
            ),
        },
      });

    test('the page warns of what clients are still told', async () => {
      pages = {
        [`http://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`]: autoconfig(left),
      };
      const app = await startApp({
        discovery: there(['mail.nomail.example'], ['_imaps._tcp.nomail.example']),
      });
      const { text } = await app.get(`/domains/${domain}/discovery`);
      expect(text).toContain('Mail is switched off for this domain');
      const [, thunderbird = '', outlook = '', srv = '', mx = ''] = text.split('<h2>');
      expect(thunderbird).toContain('Still finds settings');
      expect(thunderbird).toContain('IMAP at mail.example.com on 143 with STARTTLS');
      expect(thunderbird).toContain('emailaddress=postmaster%40nomail.example');
      expect(outlook).toContain('That is right while mail is off');
      expect(srv).toContain('These records still send mail clients to a mail server');
      expect(srv).toContain('_imaps._tcp.nomail.example');
      expect(mx).toContain('Other servers still deliver mail');
      expect(mx).toContain('mail.nomail.example');

      const { body } = (await app.get(`/domains/${domain}/discovery.json`)) as {
        body: { mailboxes: unknown[]; withoutMail: { searches: { told: unknown[] | null }[] } };
      };
      expect(body).toMatchObject({ domain, mailboxes: [], mx: ['mail.nomail.example'] });
      expect(body.withoutMail).toMatchObject({ emailAddress: `postmaster@${domain}` });
      expect(body.withoutMail.searches[0]?.told).toHaveLength(6);
      expect(body.withoutMail.searches[1]?.told).toBeNull();
      app.close();
    });

    test('the page warns of nothing where nothing is left, and the page of the domain leads to it', async () => {
      const app = await startApp({ discovery: there([], []) });
      const { text } = await app.get(`/domains/${domain}/discovery`);
      expect(text).not.toContain('mcs-notice');
      expect(text).not.toContain('Still finds settings');
      expect((await app.get(`/domains/${domain}`)).text).toContain(
        `href="/domains/${domain}/discovery"`,
      );
      expect((await app.get('/domains/example.com')).text).not.toContain(
        'Are mail clients still told settings for it?',
      );
      app.close();
    });

    test('a server is wrong for a mailbox that is left there', () => {
      const off = decideClientSettings(bob, { ...exampleCom, mail: false }, defaultPolicy);
      const { incoming } = off;
      const [server] = incoming.map((service) => ({
        ...service,
        login: off.login,
        flaws: [],
      }));
      if (server === undefined) throw new Error('no server');
      expect(faultsOf(server, off)).toEqual([{ kind: 'mail-off' }]);
    });
  });

  test('the page of a mailbox shows the result with its faults', async () => {
    pages = { [named]: autoconfig({ ...settings, login: 'bob@example.com' }) };
    const app = await startApp({ discovery: options() });
    const { text } = await app.get('/domains/example.com/mailboxes/bob.example/discovery');
    expect(text).toContain('it would log in as bob@example.com, but the user name is bob.example');
    expect(text).toContain('<strong>This is wrong here.</strong>');
    const answer = await app.get('/domains/example.com/mailboxes/bob.example/discovery.json');
    expect(answer.body).toMatchObject({
      login: 'bob.example',
      searches: [{ client: 'thunderbird' }, { client: 'outlook', told: null }],
    });
    app.close();
  });
});
