import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { createAnswerApp, type AnswerLimits } from '../../src/answers/answer-app';
import { parseSnapshot, snapshotText, type Snapshot } from '../../src/answers/snapshot';
import { snapshotDomains, type Answering } from '../../src/answers/snapshot-domains';
import { decideServices } from '../../src/domain/client-settings';
import { readAutoconfig } from '../../src/discovery/autoconfig';
import { readAutodiscover, autodiscoverRequest } from '../../src/discovery/autodiscover';
import { defaultPolicy } from '../../src/settings/settings';

const mailbox = (local: string, login: string, ...extraAddresses: string[]) => ({
  emailAddress: `${local}@example.com`,
  login,
  extraAddresses,
});

function answering(name: string, other: Partial<Answering> = {}): Answering {
  const { incoming, outgoing } = decideServices(name, defaultPolicy);
  const server = { name, relation: { kind: 'top-level' } } as const;
  return { server, answers: 'login', incoming, outgoing, mailboxes: [], ...other };
}

const host: readonly Answering[] = [
  answering('example.com', {
    mailboxes: [
      mailbox('ann', 'ann.example', 'info@example.com', 'sales@example.org', '*@example.com'),
      mailbox('bob', 'bob.example', 'ann@example.com'),
      mailbox('kim', 'kim.example', 'Shop@Example.org'),
      // Made under another naming style.
      mailbox('zoe', 'example-zoe'),
      mailbox('boss', 'manager'),
    ],
  }),
  answering('example.org'),
  answering('alias.example', {
    server: { name: 'alias.example', relation: { kind: 'alias', of: 'example.com' } },
    mailboxes: [],
  }),
  answering('one.example', {
    mailboxes: [{ emailAddress: 'bob@one.example', login: 'bob.one', extraAddresses: [] }],
  }),
  answering('other.example', {
    server: { name: 'other.example', relation: { kind: 'alias', of: 'one.example' } },
  }),
  answering('lost.example', {
    server: { name: 'lost.example', relation: { kind: 'alias', of: 'off.example' } },
  }),
  answering('only.example', { answers: 'address', mailboxes: [] }),
  answering('only-alias.example', {
    server: { name: 'only-alias.example', relation: { kind: 'alias', of: 'only.example' } },
  }),
  answering('xn--mnchen-3ya.example'),
];

const taken = parseSnapshot(snapshotText(0, snapshotDomains(host)));

let logged: unknown[] = [];

beforeEach(() => {
  logged = [];
});

function app(
  snapshot: Snapshot | null = taken,
  limits: AnswerLimits = { perNetwork: 1e6, inAll: 1e6 },
) {
  const log = { error: (line: unknown) => void logged.push(line) };
  return createAnswerApp({
    snapshot: () => snapshot,
    key: Buffer.alloc(32, 7),
    limits,
    log,
    now: () => 0,
  });
}

const autoconfigPath = '/mail/config-v1.1.xml';

async function loginFor(address: string, from = app()): Promise<string | undefined> {
  const response = await request(from).get(autoconfigPath).query({ emailaddress: address });
  expect([response.status, response.type]).toEqual([200, 'text/xml']);
  return /<username>(.*?)<\/username>/.exec(response.text)?.[1];
}

describe('autoconfig', () => {
  test.each([
    ['a mailbox', 'bob@example.com', 'bob.example'],
    ['a mailbox of another naming style', 'zoe@example.com', 'example-zoe'],
    ['a login that is another word', 'boss@example.com', 'manager'],
    ['an extra address', 'info@example.com', 'ann.example'],
    ['an extra address of another domain', 'sales@example.org', 'ann.example'],
    ['an extra address in capitals', 'shop@example.org', 'kim.example'],
    ['an extra address that is a mailbox, too', 'ann@example.com', 'ann.example'],
    ['an alias domain', 'bob@alias.example', 'bob.example'],
    ['capitals', 'Bob@EXAMPLE.com', 'bob.example'],
    ['a tag', 'bob+shop@example.com', 'bob.example'],
    ['a domain that gives only addresses', 'kim@only.example', 'kim@only.example'],
    ['an alias domain of that', 'kim@only-alias.example', 'kim@only.example'],
    ['an internationalised domain', 'kim@münchen.example', 'kim@xn--mnchen-3ya.example'],
  ])('%s', async (_what, address, login) => {
    expect(await loginFor(address)).toBe(login);
  });

  test('is served on both paths, and read like ours', async () => {
    const paths = [autoconfigPath, '/.well-known/autoconfig/mail/config-v1.1.xml'];
    const texts = await Promise.all(
      paths.map(async (path) => {
        const response = await request(app()).get(path).query({ emailaddress: 'bob@example.com' });
        return response.text;
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    const text = texts[0] ?? '';
    const reading = readAutoconfig({ text, contentType: 'text/xml' }, 'bob@example.com');
    expect(reading).toMatchObject({ kind: 'servers' });
  });

  test.each([
    ['no address', {}, 400],
    ['two addresses', { emailaddress: ['a@example.com', 'b@example.com'] }, 400],
    ['an object', { 'emailaddress[x]': 'bob@example.com' }, 400],
    ['a word', { emailaddress: 'bob' }, 400],
    ['markup', { emailaddress: '<x>@example.com' }, 400],
    ['a long one', { emailaddress: `${'x'.repeat(65)}@example.com` }, 400],
    ['a character that XML cannot have', { emailaddress: 'a\uFFFF@example.com' }, 400],
    ['a domain of others', { emailaddress: 'bob@example.net' }, 404],
    ['an alias of a domain that is not told', { emailaddress: 'bob@lost.example' }, 404],
    ['a property of objects', { emailaddress: 'bob@constructor' }, 404],
  ])('%s is refused', async (_what, query, status) => {
    const response = await request(app()).get(autoconfigPath).query(query);
    expect([response.status, response.type]).toEqual([status, 'text/plain']);
    expect(response.text).not.toContain('bob');
  });

  test.each(['constructor', '__proto__', 'toString', 'hasownproperty'])(
    'an address named %s does not exist',
    async (local) => {
      expect(await loginFor(`${local}@example.com`)).toMatch(/example/);
    },
  );
});

describe('Evolution, which sends the MD5 of the address', () => {
  const md5 = (address: string) => createHash('md5').update(address).digest('hex');
  const ask = async (domain: string, emailmd5: string | string[]) => {
    const query = { emailaddress: `EVOLUTIONUSER@${domain}`, emailmd5 };
    const { status, text } = await request(app()).get(autoconfigPath).query(query);
    return [status, /<username>(.*?)<\/username>/.exec(text)?.[1]];
  };

  // Evolution 3.46.4 fills the placeholder in anywhere in the text.
  test.each([
    ['a mailbox', 'bob@example.com', '%EMAILLOCALPART%.example'],
    ['a mailbox of another naming style', 'zoe@example.com', 'example-%EMAILLOCALPART%'],
    ['a login that is another word', 'boss@example.com', 'manager'],
    ['an extra address', 'info@example.com', 'ann.example'],
    ['an alias domain', 'bob@other.example', '%EMAILLOCALPART%.one'],
    ['a domain that gives only addresses', 'kim@only.example', '%EMAILADDRESS%'],
    ['an alias domain of that', 'kim@only-alias.example', '%EMAILLOCALPART%@only.example'],
  ])('%s', async (_what, address, username) => {
    const domain = address.replace(/.*@/, '');
    expect(await ask(domain, md5(address))).toEqual([200, username]);
  });

  test('an address that does not exist looks like one that does', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        ask('example.com', md5(`nobody${index}@example.com`)),
      ),
    );
    const names = new Set(answers.map(([, username]) => username));
    expect([...names].sort()).toEqual(['%EMAILLOCALPART%.example', 'example-%EMAILLOCALPART%']);
    expect(await ask('example.com', md5('nobody1@example.com'))).toEqual(answers[1]);
  });

  test('gets nothing of an alias domain with several styles, whether the address exists or not', async () => {
    for (const address of ['bob@alias.example', 'nobody@alias.example']) {
      expect((await ask('alias.example', md5(address)))[0]).toBe(404);
    }
  });

  test('there is one server of each kind: it uses the last', async () => {
    const query = { emailaddress: 'EVOLUTIONUSER@example.com', emailmd5: md5('bob@example.com') };
    const { text } = await request(app()).get(autoconfigPath).query(query);
    expect(text.match(/<port>\d+/g)).toEqual(['<port>143', '<port>587']);
  });

  test('no MD5, and two of them', async () => {
    expect((await ask('example.com', ''))[0]).toBe(200);
    expect((await ask('example.com', ['a', 'b']))[0]).toBe(400);
  });
});

describe('an address that does not exist', () => {
  test('has a login in one of the styles, as often as among the mailboxes, always the same', async () => {
    const locals = Array.from({ length: 200 }, (_, index) => `nobody${index}`);
    const from = app();
    const logins = await Promise.all(locals.map((local) => loginFor(`${local}@example.com`, from)));
    const again = await Promise.all(locals.map((local) => loginFor(`${local}@example.com`)));
    expect(again).toEqual(logins);
    const usual = logins.filter((login, index) => login === `nobody${index}.example`);
    const other = logins.filter((login, index) => login === `example-nobody${index}`);
    expect(usual.length + other.length).toBe(200);
    // Three of the four mailboxes with a style have the usual one.
    expect(usual.length).toBeGreaterThan(125);
    expect(usual.length).toBeLessThan(175);
  });

  test('has a login in the same style in an alias domain, and for its MD5', async () => {
    const from = app();
    for (let index = 0; index < 40; index++) {
      const local = `nobody${index}`;
      const login = await loginFor(`${local}@example.com`, from);
      expect(await loginFor(`${local}@alias.example`, from)).toBe(login);
      const query = {
        emailaddress: 'EVOLUTIONUSER@example.com',
        emailmd5: createHash('md5').update(`${local}@example.com`).digest('hex'),
      };
      const { text } = await request(from).get(autoconfigPath).query(query);
      expect(text).toContain(`<username>${login?.replace(local, '%EMAILLOCALPART%')}</username>`);
    }
  });

  test('has an answer of the same form and size', async () => {
    const from = app();
    const text = async (local: string) => {
      const response = await request(from)
        .get(autoconfigPath)
        .query({ emailaddress: `${local}@example.com` });
      const headers: Record<string, string> = response.headers;
      return { text: response.text.replaceAll(local, ''), headers: { ...headers, date: '' } };
    };
    const known = await text('kim');
    const unknown = await Promise.all(['jim', 'tim', 'rim', 'dim'].map(text));
    expect(unknown).toContainEqual(known);
  });
});

describe('autodiscover', () => {
  const post = (text: string, path = '/autodiscover/autodiscover.xml', from = app()) =>
    request(from).post(path).type('text/xml').send(text);

  test.each(['/autodiscover/autodiscover.xml', '/Autodiscover/Autodiscover.xml'])(
    '%s',
    async (path) => {
      const { status, text } = await post(autodiscoverRequest('bob@example.com'), path);
      expect(status).toBe(200);
      const reading = readAutodiscover({ text, contentType: 'text/xml' });
      expect(reading).toMatchObject({ kind: 'servers' });
      expect(text).toContain('<LoginName>bob.example</LoginName>');
      expect(text).toContain('<DisplayName>bob@example.com</DisplayName>');
    },
  );

  test.each([
    ['another domain', autodiscoverRequest('bob@example.net'), 500],
    ['no address', autodiscoverRequest(''), 500],
    ['a half of a character', autodiscoverRequest('X@example.com').replace('X', '&#xD800;'), 500],
    ['nothing', '', 600],
    ['no XML', 'Autodiscover', 600],
    ['an unfinished document', '<Autodiscover><Request>', 600],
    ['another document', '<html/>', 600],
    ['no request', '<Autodiscover/>', 600],
    ['ActiveSync', autodiscoverRequest('bob@example.com').replaceAll('outlook', 'mobilesync'), 601],
    [
      'entities',
      `<!DOCTYPE x [<!ENTITY a "${'x'.repeat(100)}">]>${autodiscoverRequest('&a;@example.com')}`,
      600,
    ],
  ])('%s gets the error that Outlook knows', async (_what, text, code) => {
    const response = await post(text);
    expect([response.status, response.type]).toEqual([200, 'text/xml']);
    expect(response.text).toContain(`<ErrorCode>${code}</ErrorCode>`);
    expect(readAutodiscover({ text: response.text, contentType: 'text/xml' })).toMatchObject({
      kind: 'error',
    });
  });

  test('a large request is refused', async () => {
    const response = await post(autodiscoverRequest(`${'x'.repeat(20_000)}@example.com`));
    expect(response.status).toBe(413);
  });

  test('in JSON names the one in XML, whatever the Host header says', async () => {
    const get = (query: Record<string, string>) =>
      request(app())
        .get('/autodiscover/autodiscover.json')
        .set('Host', 'evil.example')
        .query(query);
    const known = await get({ Email: 'bob@example.com', Protocol: 'AutodiscoverV1' });
    expect(known.body).toEqual({
      Protocol: 'AutodiscoverV1',
      Url: 'https://autodiscover.example.com/autodiscover/autodiscover.xml',
    });
    const other = await get({ Email: 'bob@example.com', Protocol: 'ActiveSync' });
    expect([other.status, other.body]).toMatchObject([400, { ErrorCode: 'InvalidProtocol' }]);
    expect((await get({ Protocol: 'AutodiscoverV1' })).status).toBe(400);
  });
});

describe("Apple's profile by a link", () => {
  const get = async (emailaddress: string, from = app()) => {
    const path = '/mail/setup.mobileconfig';
    const response = await request(from).get(path).query({ emailaddress }).responseType('blob');
    return { status: response.status, type: response.type, body: String(response.body) };
  };

  test('has the login and the ports with SSL/TLS', async () => {
    const { type, body } = await get('info@example.com');
    expect(type).toBe('application/x-apple-aspen-config');
    expect(body).toContain('<string>ann.example</string>');
    expect(body).toContain('<string>info@example.com</string>');
    expect(body.match(/<integer>\d{3}</g)).toEqual(['<integer>993<', '<integer>465<']);
  });

  test('has the same form for an address that does not exist', async () => {
    const from = app();
    const timeless = async (local: string) => {
      const { body } = await get(`${local}@example.com`, from);
      return body.replaceAll(local, '').replaceAll(/[0-9a-f]{8}-[-0-9a-f]{27}/gi, '');
    };
    const unknown = await Promise.all(['jim', 'tim', 'rim', 'dim'].map(timeless));
    expect(unknown).toContainEqual(await timeless('kim'));
  });

  test('is missing where there is no port for it', async () => {
    const { incoming, outgoing } = decideServices('a.example', {
      ...defaultPolicy,
      imap: { starttls: 143, 'implicit-tls': null },
    });
    const domains = snapshotDomains([answering('a.example', { incoming, outgoing })]);
    const from = app(parseSnapshot(snapshotText(0, domains)));
    expect((await get('a@a.example', from)).status).toBe(404);
  });
});

test('every other path and method is a 404', async () => {
  const from = app();
  for (const path of [
    '/',
    '/mail',
    '/mail/',
    '/domains/example.com',
    '/mail/../etc/passwd',
    '//',
  ]) {
    expect((await request(from).get(path)).status).toBe(404);
  }
  expect((await request(from).post(autoconfigPath)).status).toBe(404);
  expect((await request(from).get('/autodiscover/autodiscover.xml')).status).toBe(404);
});

test('without a snapshot clients are asked to wait', async () => {
  const response = await request(app(null))
    .get(autoconfigPath)
    .query({ emailaddress: 'a@b.example' });
  expect(response.status).toBe(503);
  const posted = await request(app(null))
    .post('/autodiscover/autodiscover.xml')
    .send(autodiscoverRequest('a@b.example'));
  expect(posted.status).toBe(503);
});

describe('limits', () => {
  const ask = (from: ReturnType<typeof app>, network: string) =>
    request(from)
      .get(autoconfigPath)
      .set('X-Forwarded-For', network)
      .query({ emailaddress: 'bob@example.com' });

  test('one network', async () => {
    const from = app(taken, { perNetwork: 2, inAll: 100 });
    const statuses = [];
    for (const network of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2']) {
      statuses.push((await ask(from, network)).status);
    }
    expect(statuses).toEqual([200, 200, 429, 200]);
    expect((await ask(from, '192.0.2.1')).headers['retry-after']).toBe('60');
  });

  test('the addresses of one customer in IPv6 are one network', async () => {
    const from = app(taken, { perNetwork: 1, inAll: 100 });
    expect((await ask(from, '2001:db8::1')).status).toBe(200);
    expect((await ask(from, '2001:db8:0:1::2')).status).toBe(429);
  });

  test('the client cannot choose its network: the web server appends the real one', async () => {
    const from = app(taken, { perNetwork: 1, inAll: 100 });
    expect((await ask(from, '198.51.100.1, 192.0.2.1')).status).toBe(200);
    expect((await ask(from, '198.51.100.2, 192.0.2.1')).status).toBe(429);
  });

  test('what is no IP address is one network', async () => {
    const from = app(taken, { perNetwork: 1, inAll: 100 });
    expect((await ask(from, 'x'.repeat(4000))).status).toBe(200);
    expect((await ask(from, 'y'.repeat(4000))).status).toBe(429);
  });

  test('in all, and not by what one network asks too often', async () => {
    const from = app(taken, { perNetwork: 2, inAll: 3 });
    for (let count = 0; count < 5; count++) await ask(from, '192.0.2.1');
    expect((await ask(from, '192.0.2.2')).status).toBe(200);
    expect((await ask(from, '192.0.2.3')).status).toBe(429);
  });
});

test('an error of its own is logged without the address', async () => {
  const broken: Snapshot = {
    takenAt: 0,
    domains: {
      get: () => {
        throw new Error('bob@example.com');
      },
    } as unknown as Snapshot['domains'],
  };
  const response = await request(app(broken))
    .get(autoconfigPath)
    .query({ emailaddress: 'b@x.example' });
  expect([response.status, response.text]).toEqual([500, 'This did not work.\n']);
  expect(logged).toEqual([{ kind: 'Error' }]);
});
