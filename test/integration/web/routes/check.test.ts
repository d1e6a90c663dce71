import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { Probes } from '../../../../src/probe/probes';
import { masterAdmin, startApp, type TestApp } from '../../../helpers/app';
import {
  makeAuthority,
  startMailPorts,
  type Authority,
  type MailPorts,
} from '../../../helpers/mail-ports';
import { textOfPdf } from '../../../helpers/pdf';

const password = 'Correct horse, battery &%';
const bob = '/domains/example.com/mailboxes/bob.example';
const kim = '/domains/dash.example/mailboxes/dash-kim';
/** Its host is the same server, whose certificate is not valid for it. */
const foreignHost = 'mail.dash.example';

let authority: Authority;
let ports: MailPorts;
let probes: Probes;
let app: TestApp;
/** Ports that appear closed. */
const closed = new Set<number>();

beforeAll(async () => {
  authority = makeAuthority();
  ports = await startMailPorts(authority.issue(['mail.example.com']), {
    'bob.example': password,
    'zoe@example.com': password,
  });
  probes = new Probes({
    resolve: (host) =>
      Promise.resolve(['mail.example.com', foreignHost].includes(host) ? ['127.0.0.1'] : []),
    roots: authority.root,
    // Nothing listens on port 1.
    portOf: (port) => (closed.has(port) ? 1 : ports.portOf(port)),
  });
  app = await startApp({ probes });
}, 30_000);

afterAll(() => {
  app.close();
  ports.close();
  authority.remove();
});

const look = async () => {
  await app.post('/domains/example.com/check').expect(303);
};

describe('the port check', () => {
  test('a proven port is shown on the pages of the domain and its mailboxes, and as JSON', async () => {
    await look();
    const { text } = await app.get('/domains/example.com/check');
    expect(text.match(/>OK</g)?.length).toBe(6);
    expect(text).toContain('IMAP on 143 with STARTTLS');
    expect(text).not.toContain('data-running');
    for (const path of ['/domains/example.com', bob]) {
      expect((await app.get(path)).text).toContain('<strong>The servers work</strong>, checked ');
    }
    const answer = await app.get('/domains/example.com/check.json');
    const { services, loginOnPort25 } = answer.body as {
      services: { port: number; result: string; tlsVersion: string }[];
      loginOnPort25: boolean;
    };
    expect(services.map(({ port, result }) => [port, result])).toEqual(
      [143, 993, 110, 995, 587, 465].map((port) => [port, 'proven']),
    );
    expect(services[0]?.tlsVersion).toBe('TLSv1.3');
    expect(loginOnPort25).toBe(false);
  });

  test('its result is on the sheet and in settings.json', async () => {
    await look();
    expect((await app.get(`${bob}/sheet`)).text).toMatch(/Servers checked on \w/);
    const pdf = await app.get(`${bob}/sheet.pdf`);
    expect(textOfPdf(pdf.body as Buffer)).toMatch(/Servers checked on \w/);
    const settings = (await app.get(`${bob}/settings.json`)).body as { checkedAt: string };
    expect(Date.parse(settings.checkedAt)).toBeGreaterThan(Date.now() - 60_000);
  });

  test('a closed 587 makes 465 the recommended port everywhere', async () => {
    closed.add(587);
    try {
      await look();
      const page = (await app.get(bob)).text.replace(/<\/?strong>/g, '');
      expect(page).toContain(
        'SMTP on 465 with SSL/TLS is recommended for now, instead of SMTP on 587 with STARTTLS',
      );
      expect(page).toContain('nothing listens on this port');
      const { outgoing } = (await app.get(`${bob}/settings.json`)).body as {
        outgoing: { port: number; role: string }[];
      };
      expect(outgoing.map(({ port, role }) => [port, role])).toEqual([[465, 'recommended']]);
      const autoconfig = (await app.get(`${bob}/autoconfig.xml`)).text;
      expect(autoconfig).toContain('<port>465</port>');
      const text = (await app.get(`${bob}/settings.txt`)).text;
      const sheet = (await app.get(`${bob}/sheet`)).text;
      expect(sheet).toContain('465');
      for (const given of [autoconfig, text, sheet]) expect(given).not.toContain('587');
      expect((await app.get('/domains/example.com/mailboxes.csv')).text).toMatch(
        /bob@example.com.*,465,SSL\/TLS,,,/,
      );
      const check = (await app.get('/domains/example.com/check')).text;
      expect(check).toContain('not offered');
      expect(check).toContain('Switch on the service submission (Postfix: master.cf)');
    } finally {
      closed.clear();
    }
    await look();
    expect((await app.get(bob)).text).not.toContain('is recommended for now');
  });

  test('a host that the certificate does not name is said wherever it is handed out', async () => {
    const { services } = (await app.get('/domains/dash.example/check.json')).body as {
      services: { role: string; result: string }[];
    };
    expect(services).toHaveLength(6);
    for (const { role, result } of services) {
      expect(result).toBe('certificate-name');
      expect(role).not.toBe('not-offered');
    }
    const warning = 'a certificate is expired, is not trusted or is for another name';
    const notice = 'a mail server’s certificate was not accepted';
    expect((await app.get(kim)).text).toContain(warning);
    expect((await app.get(`${kim}/settings.txt`)).text).toContain(warning);
    expect((await app.get(`${kim}/settings.json`)).body).toMatchObject({
      warnings: ['login-is-not-email-address', 'certificate-not-accepted'],
    });
    expect((await app.get('/domains/dash.example/mailboxes.csv')).text).toMatch(
      /kim@dash\.example.*,login-is-not-email-address certificate-not-accepted,/,
    );
    expect((await app.get(`${kim}/sheet`)).text).toContain(notice);
    const pdf = await app.get(`${kim}/sheet.pdf`);
    expect(textOfPdf(pdf.body as Buffer).replace(/\s+/g, ' ')).toContain(notice);
    const profile = (await app.get(`${kim}/profile.mobileconfig`)).text;
    expect(profile).toContain("a mail server's certificate was not accepted.");
    const proven = (await app.get(`${bob}/profile.mobileconfig`)).text;
    expect(proven).not.toContain('certificate was not accepted');
  });

  test('settings whose servers do not answer say so', async () => {
    const other = `/domains/example.org/mailboxes/${encodeURIComponent('bob@example.org')}`;
    const json = (await app.get(`${other}/settings.json`)).body as { warnings: string[] };
    expect(json.warnings).toContain('server-broken');
    expect((await app.get(`${other}/sheet`)).text).toContain(
      'a mail server did not answer as it should',
    );
  });

  test('if nothing works, the policy stays and nothing is proven', async () => {
    const answer = await app.get('/domains/example.org/check.json');
    const { services } = answer.body as {
      services: { port: number; role: string; result: string }[];
    };
    expect(services.map(({ port, role, result }) => [port, role, result])).toEqual([
      [143, 'recommended', 'unresolved'],
      [993, 'fallback', 'unresolved'],
      [110, 'alternative', 'unresolved'],
      [995, 'alternative', 'unresolved'],
      [587, 'recommended', 'unresolved'],
      [465, 'fallback', 'unresolved'],
    ]);
    const { text } = await app.get('/domains/example.org');
    expect(text).toContain('The mail server does not work as it should');
    expect(text).not.toContain('The servers work');
  });

  test('the page of the whole server is one table, for master admins only', async () => {
    await look();
    const { text, status } = await app.get('/servers');
    expect(status).toBe(200);
    expect(text).toContain('mail.example.com');
    expect(text).not.toContain('not on this server');
    const csv = (await app.get('/servers.csv')).text.replace('\uFEFF', '');
    const rows: string[][] = parse(csv, { from_line: 2 });
    expect(rows.filter(([host]) => host === 'mail.example.com').map((row) => row[3])).toEqual(
      Array(6).fill('works'),
    );
    expect(rows.find(([host]) => host === 'mail.example.org')?.[3]).toContain(
      'no address is known',
    );
    app.viewer.is = { ...masterAdmin, role: 'reseller', domains: new Set(['example.com']) };
    expect((await app.get('/servers')).status).toBe(403);
    app.viewer.is = masterAdmin;
    // After a log-in during the request, the panel leads back to this address by GET.
    const back = await app.get(`${bob}/try`);
    expect([back.status, back.headers.location]).toEqual([303, bob]);
  });

  test('settings of a domain that does not exist are named', async () => {
    const there = await startApp({
      probes,
      settings: 'mail_host@exmaple.com=mx.example\nmail_host@example.com=mx.example',
    });
    expect((await there.get('/servers')).text).toContain(
      'domains that are not on this server: exmaple.com.',
    );
    there.close();
  });

  test('is not available if the settings or a permission forbid it', async () => {
    const off = await startApp({ probes, settings: 'check_servers=no' });
    expect((await off.get('/domains/example.com/check')).status).toBe(404);
    expect((await off.get(bob)).text).not.toMatch(/Servers|Does this login work/);
    off.close();
    app.viewer.is = { ...masterAdmin, may: new Set(['see', 'print']) };
    for (const path of [
      '/domains/example.com/check',
      '/domains/example.com/check.json',
      '/servers',
    ]) {
      expect([path, (await app.get(path)).status]).toEqual([path, 403]);
    }
    expect((await app.post(`${bob}/try`).type('form').send({ password })).status).toBe(403);
    expect((await app.get(`${bob}/try`)).status).toBe(403);
    expect((await app.get(bob)).text).not.toMatch(/The servers work|Does this login work/);
    app.viewer.is = masterAdmin;
  });

  test('checks nothing for a domain without mail', async () => {
    const { text } = await app.get('/');
    expect(text).toContain('href="/servers"');
    expect((await app.get('/domains/nosuch.example/check')).status).toBe(404);
  });
});

describe('a login test', () => {
  const attempt = async (login: string, typed: string) => {
    const path = `/domains/example.com/mailboxes/${login}/try`;
    return app.post(path).type('form').send({ password: typed });
  };

  test('right password: the login works, the address does not', async () => {
    const { status, text } = await attempt('bob.example', password);
    expect(status).toBe(200);
    expect(text).toContain('User name and password are right, for reading and for sending mail.');
    expect(text).toContain('The server refuses the e-mail address as user name');
    expect(text.match(/"Answer">accepted</g)?.length).toBe(2);
  });

  test('wrong password: the result says that the password is wrong', async () => {
    const { text } = await attempt('bob.example', 'wrong');
    expect(text).toContain('The server refuses this login. Most likely the password is wrong');
    expect(text.match(/"Answer">refused/g)?.length).toBe(3);
  });

  test('reports that the server accepts the address instead', async () => {
    const { text } = await attempt('zoe.example', password);
    expect(text).toContain('The server accepts the e-mail address with this password');
  });

  test('the password never appears on the page, in the log, or elsewhere', async () => {
    const { text } = await attempt('alice.example', 'Secret-that-shows');
    expect(text + app.logged()).not.toContain('Secret-that-shows');
    expect(app.logged()).not.toContain('battery');
    expect(app.logged()).toContain('"login tried"');
  });

  test('an empty password is refused with a message', async () => {
    expect((await attempt('off.example', '')).status).toBe(400);
  });

  test('sends no password to a server with an invalid certificate', async () => {
    const others = new Probes({
      resolve: () => Promise.resolve(['127.0.0.1']),
      portOf: (port) => ports.portOf(port),
    });
    const strict = await startApp({ probes: others });
    const { text } = await strict.post(`${bob}/try`).type('form').send({ password });
    expect(text).toContain('The server gave no proper answer');
    expect(text).toContain('mail clients do not trust the certificate');
    strict.close();
  });

  test("wrong password, with Dovecot's default delay of two seconds", async () => {
    const slow = await startMailPorts(
      authority.issue(['mail.example.com']),
      { 'bob.example': password },
      'auth_failure_delay = 2 secs\n',
    );
    const patient = await startApp({
      probes: new Probes({
        resolve: () => Promise.resolve(['127.0.0.1']),
        roots: authority.root,
        portOf: slow.portOf,
      }),
    });
    try {
      const began = Date.now();
      const { text } = await patient.post(`${bob}/try`).type('form').send({ password: 'wrong' });
      expect(text).toContain('The server refuses this login. Most likely the password is wrong');
      // Two refusals. Dovecot counts whole seconds: each may come up to one second early.
      expect(Date.now() - began).toBeGreaterThan(2_000);
    } finally {
      patient.close();
      slow.close();
    }
  });

  test('at most five per mailbox', async () => {
    const statuses: number[] = [];
    for (let tries = 0; tries < 6; tries++) {
      statuses.push((await attempt('example', '')).status);
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
  });

  test('at most twenty by one user, of which only those count for a mailbox', async () => {
    const limited = await startApp({ probes });
    const statusOf = async (login: string) => {
      const path = `/domains/example.com/mailboxes/${login}/try`;
      return (await limited.post(path).type('form').send({ password: '' })).status;
    };
    try {
      for (let tries = 0; tries < 20; tries++) {
        expect(await statusOf(`invented-${tries}`)).toBe(404);
      }
      for (let tries = 0; tries < 5; tries++) expect(await statusOf('bob.example')).toBe(429);
      limited.viewer.is = { ...masterAdmin, user: 'another' };
      expect(await statusOf('bob.example')).toBe(400);
    } finally {
      limited.close();
    }
  });

  test('can be switched off', async () => {
    const off = await startApp({ probes, settings: 'try_logins=no' });
    expect((await off.post(`${bob}/try`).type('form').send({ password })).status).toBe(404);
    expect((await off.get(bob)).text).not.toContain('Does this login work');
    off.close();
  });
});

describe("a certificate for the server's own name", () => {
  let own: MailPorts;
  const named = 'server.host.example';

  beforeAll(async () => {
    own = await startMailPorts(authority.issue([named]));
  }, 30_000);

  afterAll(() => {
    own.close();
  });

  /** `until` resolves when host names may be found. */
  const start = (settings: string, ownHost: string | null = named, until = Promise.resolve()) =>
    startApp({
      settings,
      probes: new Probes({
        resolve: () => until.then(() => ['127.0.0.1']),
        roots: authority.root,
        portOf: own.portOf,
        ownHost,
      }),
    });

  const hostIn = async (one: TestApp) => {
    const { body } = (await one.get(`${bob}/settings.json`)) as {
      body: { incoming: { host: string }[] };
    };
    return body.incoming[0]?.host;
  };

  test('is proposed, and prescribed only if the settings say so', async () => {
    const proposing = await start('');
    expect(await hostIn(proposing)).toBe('mail.example.com');
    const { text } = await proposing.get('/domains/example.com/check');
    expect(text).toContain(
      `The certificate is valid for </strong><code class="mcs-value">${named}</code>`,
    );
    proposing.close();
    const using = await start('certificate_host=use');
    expect(await hostIn(using)).toBe(named);
    expect((await using.get(`${bob}/sheet`)).text).toMatch(
      /server\.host\.example[^]*Servers checked on/,
    );
    expect((await using.get('/domains/example.com/check')).text.match(/>OK</g)?.length).toBe(6);
    using.close();
  });

  test('is in the list of all hosts, if clients are told of it, in place of the others', async () => {
    const hosts = async (app: TestApp) => {
      const csv = (await app.get('/servers.csv')).text.replace('\uFEFF', '');
      const rows: string[][] = parse(csv, { from_line: 2 });
      return [...new Set(rows.map(([host]) => host))];
    };
    const using = await start('certificate_host=use');
    expect(await hosts(using)).toEqual([named]);
    const { text } = await using.get('/servers');
    expect(text).toContain('works');
    expect(text).not.toContain('data-running');
    expect(text).not.toContain('>mail.example.com<');
    using.close();
    const proposing = await start('');
    expect(await hosts(proposing)).toContain('mail.example.com');
    proposing.close();
  });

  test('is waited for on the page of all hosts', async () => {
    let find: () => void = () => undefined;
    const found = new Promise<void>((resolve) => (find = resolve));
    const using = await start('certificate_host=use', named, found);
    expect((await using.get('/servers')).text).toContain('data-running');
    find();
    for (let times = 0; (await using.get('/servers')).text.includes('data-running'); times++) {
      if (times === 50) throw new Error('still running');
    }
    expect((await using.get('/servers')).text).not.toContain('>mail.example.com<');
    using.close();
  });

  test.each([
    ['the settings ignore it', 'certificate_host=ignore', named],
    ['it is another name', 'certificate_host=use', 'other.host.example'],
    ['the server has no name', 'certificate_host=use', null],
  ])('is neither proposed nor prescribed if %s', async (_what, settings, ownHost) => {
    const app = await start(settings, ownHost);
    expect(await hostIn(app)).toBe('mail.example.com');
    expect((await app.get('/domains/example.com/check')).text).not.toContain(
      'The certificate is valid for </strong><code',
    );
    app.close();
  });
});
