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
import { readAutoconfig, readAutodiscover } from '../../src/discovery/documents';
import { decideClientSettings } from '../../src/domain/client-settings';
import { faultsOf, advertisedIn, type Search } from '../../src/domain/discovery';
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
  const { certificate, key } = authority.issue([...own, ...others]);
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const { host = '', path } = { host: request.headers.host, path: request.url ?? '' };
    const secure = 'encrypted' in request.socket;
    const address = `${secure ? 'https' : 'http'}://${host}${path.split('?')[0] ?? ''}`;
    requests.push(`${request.method ?? ''} ${address}`);
    const page = pages[address];
    if (typeof page === 'function') {
      page(request, response);
      return;
    }
    response.statusCode = page === undefined ? 404 : 200;
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

describe('reading a configuration document', () => {
  test('our own documents are read without loss and have no faults', async () => {
    const thunderbird = (await readAutoconfig(autoconfig(settings), 'bob@example.com')) ?? [];
    const outlook = (await readAutodiscover(autodiscover(settings))) ?? [];
    expect(thunderbird).toHaveLength(6);
    expect(outlook).toHaveLength(2);
    for (const server of [...thunderbird, ...outlook])
      expect(faultsOf(server, settings)).toEqual([]);
  });

  test('placeholders are replaced by the address', async () => {
    const document = (name: string) =>
      `<clientConfig version="1.1"><emailProvider id="x"><incomingServer type="imap"><hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType><username>${name}</username></incomingServer></emailProvider></clientConfig>`;
    const loginIn = async (name: string) =>
      (await readAutoconfig(document(name), 'bob@example.com'))?.[0];
    expect(await loginIn('%EMAILADDRESS%')).toMatchObject({
      login: 'bob@example.com',
      host: 'imap.example.com',
    });
    expect((await loginIn('%EMAILLOCALPART%'))?.login).toBe('bob');
    expect((await loginIn('%EMAILLOCALPART%.example'))?.login).toBe('bob.example');
  });

  test.each([
    '',
    'nothing',
    '<html></html>',
    '<clientConfig/>',
    '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
    '<a',
  ])('not a configuration document: %s', async (text) => {
    expect(await readAutoconfig(text, 'bob@example.com')).toBeNull();
    expect(await readAutodiscover(text)).toBeNull();
  });

  test('options missing in an Outlook document have their default, which is on', async () => {
    const text =
      '<Autodiscover><Response><Account><Protocol><Type>IMAP</Type><Server>mail.example.com</Server><Port>993</Port></Protocol></Account></Response></Autodiscover>';
    expect(await readAutodiscover(text)).toEqual([
      {
        protocol: 'imap',
        host: 'mail.example.com',
        port: 993,
        security: 'implicit-tls',
        login: null,
        challengeResponse: true,
      },
    ]);
  });
});

describe('faults of an advertised server', () => {
  const right = {
    protocol: 'imap',
    host: 'mail.example.com',
    port: 143,
    security: 'starttls',
    login: 'bob.example',
    challengeResponse: false,
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
    [
      'challenge-response authentication',
      { challengeResponse: true },
      [{ kind: 'challenge-response' }],
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

describe('a discovery search', () => {
  const known = 'https://example.com/.well-known/autoconfig/mail/config-v1.1.xml';
  const named = 'https://autoconfig.example.com/mail/config-v1.1.xml';

  test('tries the places in the order of the client; the first result counts', async () => {
    pages = {
      [known]: autoconfig({ ...settings, login: 'second' }),
      [named]: autoconfig(settings),
    };
    const found = await search('thunderbird');
    expect(found.lookups.map(({ url, found: one }) => [url.replace(/\?.*/, ''), one.kind])).toEqual(
      [
        [named, 'servers'],
        [known, 'servers'],
        [named.replace('https', 'http'), 'nothing'],
        [known.replace('https', 'http'), 'nothing'],
      ],
    );
    expect(advertisedIn(found)?.[0]?.login).toBe('bob.example');
    expect(new Set(found.lookups.map(({ url }) => url.split('?')[1]))).toEqual(
      new Set(['emailaddress=bob%40example.com']),
    );
  });

  test('finds the settings where a program answers and needs the address', async () => {
    const program = 'https://autoconfig.example.com/cgi-bin/autoconfig.cgi';
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
        else response.end('Missing emailaddress parameter');
      },
    };
    const found = await search('thunderbird');
    expect(found.lookups[1]?.found.kind).toBe('servers');
    expect(advertisedIn(found)?.[0]?.login).toBe('bob.example');
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
    expect(advertisedIn(found)?.map(({ login }) => login)).toEqual(['bob.example', 'bob.example']);
    expect(sent).toContain('<EMailAddress>bob@example.com</EMailAddress>');
    expect(requests).toContain('POST https://example.com/autodiscover/autodiscover.xml');
  });

  test('finds nothing where no host has an address', async () => {
    const found = await search('thunderbird', { resolve: () => Promise.resolve([]) });
    expect(advertisedIn(found)).toBeNull();
    expect(new Set(found.lookups.map(({ found: one }) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ kind: 'unreachable', why: 'no-address' })]),
    );
  });

  const to =
    (location: string): Handler =>
    (_request, response) => {
      response.writeHead(302, { Location: location }).end();
    };

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
        challengeResponse: false,
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
    expect(text).toContain('<strong>which is wrong here</strong>');
    const answer = await app.get('/domains/example.com/mailboxes/bob.example/discovery.json');
    expect(answer.body).toMatchObject({
      login: 'bob.example',
      searches: [{ client: 'thunderbird' }, { client: 'outlook', told: null }],
    });
    app.close();
  });
});
