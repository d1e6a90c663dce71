import { describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { accessToken, masterAdmin } from '../../helpers/app';
import { useApp } from '../../helpers/use-app';
import {
  answerUsers,
  jsonAnswer,
  recordedDomains,
  recording,
  userValues,
} from '../../helpers/virtualmin';

const app = useApp();

/** The text of a page in one line, without markup and without the buttons that need JavaScript. */
function textOf(html: string): string {
  return html
    .replace(/<(script|style)[^]*?<\/\1>/g, '')
    .replace(/<button[^>]* hidden>[^]*?<\/button>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ');
}

async function page(path: string, status = 200): Promise<string> {
  const response = await app.get(path);
  expect([path, response.status]).toEqual([path, status]);
  expect(response.type).toBe('text/html');
  return textOf(response.text);
}

describe('the list of virtual servers', () => {
  test('shows the kind and state of each', async () => {
    const text = await page('/');
    expect(text).toContain('example.net example.net alias of example.com on');
    expect(text).toContain('sub.example.com sub.example.com sub-server of example.com on');
    expect(text).toContain('disabled Manually (Unpaid invoice)');
    expect(text).toContain('nomail.example nomail.example top-level off');
    expect(text).toContain('xn--mnchen-3ya.example münchen.example');
    expect(text).toContain('Org <b>x</b>');
  });

  test.each([
    ['a part of the name', 'dash', ['dash.example']],
    ['the readable form of an internationalised name', 'munchen', ['xn--mnchen-3ya.example']],
    ['the description', 'Plain pass', ['plain.example']],
  ])('can be searched by %s', async (_what, search, names) => {
    const { text } = await app.get('/').query({ q: search });
    const found = [...text.matchAll(/<th scope="row"[^>]*><a href="\/domains\/([^"]+)"/g)];
    expect(found.map(([, name]) => name)).toEqual(names);
  });

  test('says that a search found nothing', async () => {
    expect(await page('/?q=nowhere')).toContain('No domain matches “nowhere”. Show all 10');
  });

  test('says that there are no virtual servers', async () => {
    app.virtualmin.override = (_query, response) => response.end(jsonAnswer());
    expect(await page('/')).toContain('lists no virtual servers for this account');
  });
});

describe('the mailboxes of a domain', () => {
  test('show the login beside the address, and how many differ', async () => {
    const text = await page('/domains/example.com');
    expect(text).toContain('5 of 5 mailboxes log in with a name that is not their e-mail address.');
    expect(text).toMatch(/bob@example\.com bob\.example ≠ not the e-mail address/);
    expect(text).toMatch(
      /zoe@example\.com also info@example\.com, sales@example\.com zoe\.example/,
    );
    expect(text).toContain('Zoë Müller & <Söhne> "Q"');
    expect(text).toContain(
      '2 users without a mailbox nomail.example : FTP only, without mail. webby.example : Website manager, without mail.',
    );
    expect(text).toContain('off@example.com disabled');
  });

  test('many extra addresses are shortened', async () => {
    const roles = ['abuse', 'hostmaster', 'info', 'postmaster', 'webmaster'];
    const extra_addresses = roles.map((role) => `${role}@example.com`).join(' ');
    answerUsers(app.virtualmin, userValues({ extra_addresses }));
    expect(await page('/domains/example.com')).toContain(
      'also abuse@example.com, hostmaster@example.com, info@example.com and 2 more',
    );
  });

  test('a domain whose logins all equal the address says so', async () => {
    answerUsers(app.virtualmin, userValues({ unix_username: 'bob@example.com' }));
    expect(await page('/domains/example.com')).toContain(
      'The only mailbox logs in with its e-mail address.',
    );
  });

  test.each([
    ['alias', 'example.net', 'example.net is an alias of example.com'],
    ['disabled', 'gone.example', 'This domain is disabled : Manually (Unpaid invoice)'],
    ['without mail', 'nomail.example', 'Mail is switched off for this domain.'],
    [
      'international',
      'xn--mnchen-3ya.example',
      'In mail settings this domain is written xn--mnchen-3ya.example',
    ],
    [
      'international, in its readable form',
      'm%C3%BCnchen.example',
      'written xn--mnchen-3ya.example',
    ],
    ['in capitals', 'EXAMPLE.COM', '5 of 5 mailboxes'],
  ])('domain %s', async (_what, domain, words) => {
    expect(await page(`/domains/${domain}`)).toContain(words);
  });

  test('a domain without mailboxes says so', async () => {
    answerUsers(app.virtualmin);
    expect(await page('/domains/example.com')).toContain('No mailboxes yet.');
  });

  test('search, order and the filter "differs" work together', async () => {
    const { text } = await app.get('/domains/example.com?q=ex&sort=login&order=desc&differs=1');
    const logins = [...text.matchAll(/class="mcs-value mcs-login">([^<]+)/g)].map(
      ([, login]) => login,
    );
    expect(logins).toEqual([
      'zoe.example',
      'off.example',
      'example',
      'bob.example',
      'alice.example',
    ]);
    expect(await page('/domains/example.com?q=nobody')).toContain('No mailbox matches “nobody”');
  });

  test('have pages of 100', async () => {
    const { text } = await app
      .get('/domains/big.example?wait=1')
      .redirects(1)
      .set('Authorization', `Bearer ${accessToken}`);
    expect(text.match(/<tr class|<tr>/g)?.length).toBe(101);
    expect(textOf(text)).toContain('Page 1 of 50 Next');
    expect(await page('/domains/big.example?page=50')).toContain('user5000@big.example');
    expect(await page('/domains/big.example?page=51')).toContain('user5000@big.example');
  });
  test.each(['info@münchen.example', 'MÜNCHEN', 'xn--mnchen'])('%s finds a mailbox', async (q) => {
    const { text } = await app.get('/domains/xn--mnchen-3ya.example').query({ q });
    expect(text).toContain('info@xn--mnchen-3ya.example');
    expect(text).not.toContain('No mailbox matches');
  });

  test('an address with umlauts is shown in both forms, and the login as it is', async () => {
    const at = '/domains/xn--mnchen-3ya.example/mailboxes/info.mnchen-3ya';
    expect(await page('/domains/xn--mnchen-3ya.example')).toContain(
      'info@xn--mnchen-3ya.example info@münchen.example info.mnchen-3ya',
    );
    const words =
      'as people read it: info@münchen.example . In mail clients, type the one with xn--.';
    expect(await page(at)).toContain(words);
    expect(await page(`${at}/sheet`)).toContain(words.replace(' .', '.'));
    const texts = await app.get(`${at}/settings.txt`);
    expect(texts.text).toContain(words.replace(' .', '.'));
    expect(texts.text).toContain('info.mnchen-3ya\n');
    expect((await app.get(`${at}/settings.json`)).body).toMatchObject({
      emailAddress: 'info@xn--mnchen-3ya.example',
      readableAddress: 'info@münchen.example',
      login: 'info.mnchen-3ya',
    });
    const csv = await app.get('/domains/xn--mnchen-3ya.example/mailboxes.csv');
    expect(csv.text).toMatch(/^info@xn--mnchen-3ya\.example,.*,info@münchen\.example\r$/m);
    // Files for mail clients have the form that every client understands.
    for (const file of ['profile.mobileconfig', 'autoconfig.xml', 'autodiscover.xml']) {
      const answer = await app.get(`${at}/${file}`).responseType('blob');
      const body = String(answer.body);
      expect(body).toMatch(/@xn--|xn--mnchen-3ya\.example/);
      expect(body).not.toContain('info@münchen');
    }
  });

  test('an address whose domain could be taken for another is shown in ASCII only', async () => {
    answerUsers(app.virtualmin, userValues({ email_address: 'bob@xn--80ak6aa92e.com' }));
    const at = '/domains/example.com/mailboxes/bob.example';
    expect((await app.get(`${at}/settings.json`)).body).toMatchObject({ readableAddress: null });
    expect(await page(at)).not.toContain('as people read it');
  });

  test('a form carries the selection of 5,000 long logins', async () => {
    const logins = Array.from({ length: 5_000 }, (_, index) =>
      `${String(index)}+%&é-${'x'.repeat(60)}`.slice(0, 60),
    );
    const users = logins.map((login) => userValues({ unix_username: login }));
    answerUsers(app.virtualmin, ...users);
    const form = { selected: '1', chosen: logins.join(' ') };
    const turned = await app.post('/domains/example.com?page=2').type('form').send(form);
    expect(turned.text).toContain('5,000 mailboxes selected');
    const csv = await app.post('/domains/example.com/mailboxes.csv').type('form').send(form);
    expect(csv.text.trim().split('\n')).toHaveLength(5_001);
  });
});

describe('the page of a mailbox', () => {
  test('shows what to type, recommended first, fallback second', async () => {
    const text = await page('/domains/example.com/mailboxes/bob.example');
    const inOrder = [
      'User name is bob.example : not the e-mail address .',
      'Incoming mail (IMAP) Server mail.example.com',
      'Port 143',
      'Security STARTTLS',
      'User name bob.example',
      'Authentication Normal password',
      'If that does not connect: port 993 with SSL/TLS',
      'Outgoing mail (SMTP) Server mail.example.com',
      'Port 587',
      'Authentication Normal password (required)',
      'If that does not connect: port 465 with SSL/TLS',
      'Never turn on: Secure Password Authentication (SPA), CRAM-MD5',
      'POP3 instead: only to download to one device',
    ].map((words) => [words, text.indexOf(words)] as const);
    for (const [words, at] of inOrder) expect([words, at > 0]).toEqual([words, true]);
    expect(inOrder.map(([, at]) => at)).toEqual(inOrder.map(([, at]) => at).sort((a, b) => a - b));
  });

  test.each([
    ['en', 'iPhone and iPad: The user name or password for “…” is incorrect.'],
    ['de', 'iPhone und iPad: Der Benutzername oder das Passwort für „…“ ist nicht korrekt.'],
    ['fr', 'Mail sur Mac : Impossible de vérifier le nom ou le mot de passe du compte.'],
    ['nl', 'Thunderbird op een computer: Authenticatiefout.'],
  ])('quotes in %s what mail apps say to a wrong user name', async (lang, words) => {
    const { text } = await app
      .get('/domains/example.com/mailboxes/bob.example')
      .set('Accept-Language', lang);
    expect(textOf(text)).toContain(words);
  });

  test('shows that other addresses share the login', async () => {
    const text = await page('/domains/example.com/mailboxes/zoe.example');
    expect(text).toMatch(
      /not separate accounts: the user name stays zoe\.example . info@example\.com sales@example\.com/,
    );
  });

  test.each([
    ['disabled', 'example.com', 'off.example', 'This mailbox is disabled'],
    ['no password', 'gone.example', 'gone', 'No password is accepted for this mailbox'],
    ['domain disabled', 'gone.example', 'gil.gone', 'This domain is disabled'],
  ])('warns: %s', async (_what, domain, login, words) => {
    expect(await page(`/domains/${domain}/mailboxes/${login}`)).toContain(words);
  });

  test.each([
    'bob.example',
    'bob-example',
    'example.bob',
    'example-bob',
    'bob_example',
    'example_bob',
    'bob@example.com',
    'bob%example',
    'ann+tag%percent',
    'a/b',
    "o'brien",
    'b?q#h',
    '%2e',
    'settings.txt',
    'ünï',
    '+',
    '&amp;',
    '<script>',
  ])('every login has a page, files and a sheet: %s', async (login) => {
    answerUsers(app.virtualmin, userValues({ unix_username: login }));
    const at = `/domains/example.com/mailboxes/${encodeURIComponent(login)}`;
    const list = await app.get('/domains/example.com');
    expect(list.text).toContain(`href="${at.replaceAll('&', '&amp;').replaceAll("'", '&#39;')}"`);
    expect(await page(at)).toContain(`User name is ${login}`);
    expect((await app.get(`${at}/settings.json`)).body).toMatchObject({ login });
    expect((await app.get(`${at}/settings.txt`)).text).toContain(`User name:      ${login}\n`);
    expect(await page(`${at}/sheet`)).toContain(`User name ${login}`);
  });
});

describe('client files', () => {
  const at = '/domains/example.com/mailboxes/bob.example';

  test.each([
    ['autoconfig.xml', 'text/xml; charset=utf-8', 'bob@example.com.autoconfig.xml'],
    ['autodiscover.xml', 'text/xml; charset=utf-8', 'bob@example.com.autodiscover.xml'],
    ['profile.mobileconfig', 'application/x-apple-aspen-config', 'bob@example.com.mobileconfig'],
    ['qr.svg', 'image/svg+xml', null],
    ['qr.png', 'image/png', null],
    ['settings.txt', 'text/plain; charset=utf-8', null],
    ['settings.json', 'application/json; charset=utf-8', null],
  ])('%s: content type and file name', async (file, type, name) => {
    const { status, headers } = await app.get(`${at}/${file}`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe(type);
    const disposition = name === null ? undefined : `attachment; filename="${name}"`;
    expect(headers['content-disposition']).toBe(disposition);
    expect((await app.get(at)).text).toContain(`href="${at}/${file}"`);
  });

  test('there is a profile for POP3', async () => {
    const response = await app.get(`${at}/profile.mobileconfig?protocol=pop3`).responseType('text');
    expect(String(response.body)).toContain('<string>EmailTypePOP</string>');
    const other = await app.get(`${at}/profile.mobileconfig?protocol=smtp`);
    expect(other.status).toBe(400);
  });

  test('without SSL/TLS in the policy there is no profile, and no link to it', async () => {
    await app.restart({ settings: 'imaps_port=off' });
    const { status, text, headers } = await app.get(`${at}/profile.mobileconfig`);
    expect([status, headers['content-disposition']]).toEqual([404, undefined]);
    expect(text).toContain('A profile needs SSL/TLS');
    expect((await app.get(at)).text).not.toContain('profile.mobileconfig');
  });

  test('characters that a file name cannot have are replaced', async () => {
    answerUsers(app.virtualmin, userValues({ email_address: 'a/b"c;ü@example.com' }));
    const { headers } = await app.get(`${at}/profile.mobileconfig`);
    expect(headers['content-disposition']).toBe(
      'attachment; filename="a_b_c__@example.com.mobileconfig"',
    );
  });

  test('there are DNS records for a domain', async () => {
    const { type, text } = await app.get('/domains/example.com/dns.txt');
    expect(type).toBe('text/plain');
    expect(text).toContain('_submission._tcp.example.com. 3600 IN SRV 0 1 587 mail.example.com.\n');
    expect((await app.get('/domains/nosuch.example/dns.txt')).status).toBe(404);
    const programs = app.virtualmin.requests.map((query) => query.get('program'));
    expect(new Set(programs)).toEqual(new Set(['list-domains']));
  });
});

describe('sheets', () => {
  test('for a domain are ordered by address', async () => {
    const { text } = await app.get('/domains/example.com/sheets');
    const names = [...text.matchAll(/<h2>(\S+@\S+)<\/h2>/g)].map(([, name]) => name);
    expect(names).toEqual(['alice', 'bob', 'example', 'zoe'].map((name) => `${name}@example.com`));
  });

  test('have the date and the fingerprint of the settings at the foot', async () => {
    const text = await page('/domains/example.com/mailboxes/bob.example/sheet');
    expect(text).toMatch(/As of November 24, 2026\. Settings [0-9a-f]{4}-[0-9a-f]{4}:/);
  });

  test('for a selection contain no others', async () => {
    const { text } = await app.get(
      '/domains/example.com/sheets?selected=1&login=zoe.example&login=bob.example',
    );
    expect(text.match(/class="mcs-sheet /g)).toHaveLength(2);
    expect(text).not.toContain('alice');
  });

  test('an empty selection is refused, not taken as all', async () => {
    expect(await page('/domains/example.com/sheets?selected=1', 400)).toContain(
      'Tick the mailboxes first',
    );
  });

  test('an unknown login is a 404', async () => {
    const text = await page('/domains/example.com/sheets?login=bob.example&login=nobody', 404);
    expect(text).toContain('no mailbox with the user name "nobody"');
  });

  test('a domain without mailboxes is a 404', async () => {
    expect(await page('/domains/example.net/sheets', 404)).toContain('has no mailboxes');
  });
});

describe('a slow Virtualmin', () => {
  test('the page appears immediately, shows the start of the wait, and its reload shows the result', async () => {
    let answer: (() => unknown) | undefined;
    app.virtualmin.override = (query, response) => {
      if (query.get('program') === 'list-domains') return false;
      answer = () => response.end(recording('list-users.example.com.json'));
      return true;
    };
    const first = await app.get('/domains/example.com?q=bob');
    expect(first.status).toBe(202);
    expect(first.text).toContain(
      '<noscript><meta http-equiv="refresh" content="1;url=?q=bob&amp;wait=1">',
    );
    expect(textOf(first.text)).toContain('Waiting so far: 0 s');
    app.clock.now += 7_000;
    expect(textOf((await app.get('/domains/example.com?q=bob')).text)).toContain(
      'Waiting so far: 7 s',
    );
    const reload = app.get('/domains/example.com?q=bob&wait=1');
    setTimeout(() => answer?.(), 50);
    const filled = await reload;
    expect([filled.status, filled.headers.location]).toEqual([303, '?q=bob']);
    expect(await page('/domains/example.com?q=bob')).toContain('bob.example');
    expect(
      app.virtualmin.requests.filter((query) => query.get('program') === 'list-users'),
    ).toHaveLength(1);
  });
});

describe('cached answers', () => {
  const minute = 60_000;
  const down = () => {
    app.virtualmin.override = (_query, response) => {
      response.statusCode = 500;
      response.end('Perl execution failed');
    };
  };
  /** Waits until a refresh in the background has ended. */
  const behind = () => new Promise((resolve) => setTimeout(resolve, 50));

  test('one request per domain serves all its pages', async () => {
    for (const path of [
      '',
      '/mailboxes.json',
      '/mailboxes.csv',
      '/sheets',
      '/mailboxes/bob.example',
      '/mailboxes/zoe.example/settings.json',
    ]) {
      expect((await app.get(`/domains/example.com${path}`)).status).toBe(200);
    }
    expect(app.virtualmin.requests.map((query) => query.get('program')).sort()).toEqual([
      'list-domains',
      'list-users',
    ]);
  });

  test('an old answer is marked, and stays if the refresh fails', async () => {
    await page('/domains/example.com');
    app.clock.now += 2 * minute;
    down();
    expect(await page('/domains/example.com')).toContain(
      'A newer answer from Virtualmin is on its way.',
    );
    await behind();
    const text = await page('/domains/example.com');
    expect(text).toContain('Virtualmin could not answer. The data below is from 2026-11-24 ');
    expect(text).toContain('bob.example');
  });

  test('files and sheets fail instead of using an old answer', async () => {
    await page('/domains/example.com');
    app.clock.now += minute + 1;
    down();
    const at = '/domains/example.com';
    for (const path of [
      `${at}/mailboxes.json`,
      `${at}/mailboxes.csv`,
      `${at}/sheets`,
      `${at}/mailboxes/bob.example/sheet`,
      `${at}/mailboxes/bob.example/settings.json`,
      `${at}/mailboxes/bob.example/settings.txt`,
    ]) {
      const response = await app.get(path);
      expect([path, response.status]).toEqual([path, 502]);
      expect(response.text).not.toContain('bob.example"');
    }
  });

  test('"Refresh" sends a new request and leads back', async () => {
    await page('/domains/example.com');
    answerUsers(app.virtualmin, userValues({ unix_username: 'renamed.example' }));
    const response = await app.post('/domains/example.com?q=bob');
    expect([response.status, response.headers.location]).toEqual([303, '?q=bob']);
    expect(await page('/domains/example.com')).toContain('renamed.example');
  });

  test('a new domain is found although the cached list is older', async () => {
    await page('/');
    app.clock.now += 5_000;
    app.virtualmin.override = (query, response) => {
      const users = query.get('program') === 'list-users';
      if (users) response.end(jsonAnswer(userValues()));
      else
        response.end(
          recording('list-domains.json').toString().replaceAll('dash.example', 'new.example'),
        );
    };
    expect(await page('/domains/new.example')).toContain('bob.example');
    expect((await app.get('/domains/new.example/mailboxes.json')).status).toBe(200);
  });

  const listings = () =>
    app.virtualmin.requests.filter((query) => query.get('program') === 'list-users').length;

  test.each([
    ['its page', '/mailboxes/new.example'],
    ['its sheet', '/mailboxes/new.example/sheet'],
    ['its settings as a file', '/mailboxes/new.example/settings.txt'],
    ['its sheet as a PDF', '/mailboxes/new.example/sheet.pdf'],
    ['the sheets of several', '/sheets?login=bob.example&login=new.example'],
    ['the PDF of several', '/sheets.pdf?login=bob.example&login=new.example'],
    ['the table of several', '/mailboxes.csv?login=bob.example&login=new.example'],
  ])('a new mailbox is found although the cached list is older: %s', async (_what, path) => {
    await page('/domains/example.com');
    app.clock.now += 6_000;
    const mailbox = userValues({ unix_username: 'new.example', email_address: 'new@example.com' });
    answerUsers(app.virtualmin, userValues(), mailbox);
    expect((await app.get(`/domains/example.com${path}`)).status).toBe(200);
    expect((await app.get(`/domains/example.com${path}`)).status).toBe(200);
    expect(listings()).toBe(2);
  });

  test('a login that a new list does not have either is not requested at each page', async () => {
    await page('/domains/example.com');
    app.clock.now += 6_000;
    for (const path of ['/mailboxes/nobody', '/mailboxes/nobody/sheet', '/sheets?login=nobody']) {
      expect((await app.get(`/domains/example.com${path}`)).status).toBe(404);
    }
    expect(listings()).toBe(2);
    app.clock.now += 4_000;
    await page('/domains/example.com/mailboxes/nobody', 404);
    expect(listings()).toBe(2);
  });

  test('a failure of that request is shown: the mailbox may exist', async () => {
    await page('/domains/example.com');
    app.clock.now += 6_000;
    down();
    await page('/domains/example.com/mailboxes/new.example', 502);
    expect(await page('/domains/example.com/mailboxes/bob.example')).toContain('bob.example');
  });
});

test('a server with hundreds of domains: their names and common values', async () => {
  const many = Array.from({ length: 150 }, (_, index) => `customer${index}.example`);
  app.virtualmin.override = (query, response) => {
    if (query.get('program') !== 'list-domains' || query.has('domain')) return false;
    const named = query.has('alias') ? ['customer1.example'] : query.has('disabled') ? [] : many;
    const subServers = ['customer1.example', 'customer2.example'];
    const data = (query.has('subserver') ? subServers : named).map((name) => ({
      name,
      values: {},
    }));
    response.end(JSON.stringify({ status: 'success', data }));
    return true;
  };
  const text = await page('/?q=customer1.example');
  expect(text).toContain('alias');
  expect(text).not.toContain('Description');
  expect(await page('/?q=customer2.example')).toContain('sub-server');
  expect(await page('/domains/example.com')).toContain('bob.example');
});

describe('an unknown or malformed path or query', () => {
  test.each([
    ['/nothing', 404, 'no page at this address'],
    ['/domains/nosuch.example', 404, 'no such domain in Virtualmin'],
    ['/domains/-x-', 400, 'not a domain name'],
    ['/domains/a..b', 400, 'not a domain name'],
    ['/domains/--all-domains', 400, 'not a domain name'],
    ['/domains/example.com%00', 400, 'not a domain name'],
    ['/domains/example.com%2Fx', 400, 'not a domain name'],
    ['/domains/example.com%3Fx', 400, 'not a domain name'],
    ['/domains/example.com%23x', 400, 'not a domain name'],
    ['/domains/example.com%5Cx', 400, 'not a domain name'],
    ['/domains/example.com%3A443', 400, 'not a domain name'],
    ['/domains/x%40example.com', 400, 'not a domain name'],
    ['/domains/example.com%0d%0aX:y', 400, 'not a domain name'],
    ...['%0a', '%0D', '%09', '%20', '%c2%a0', '%7f'].map(
      (end) => [`/domains/example.com${end}`, 400, 'not a domain name'] as const,
    ),
    ['/domains/exam%0aple.com', 400, 'not a domain name'],
    [`/domains/${'a'.repeat(300)}`, 400, 'not a domain name'],
    ['/domains/example.com/mailboxes/nobody', 404, 'no mailbox with this user name'],
    ['/domains/example.com/mailboxes/bob@example.com', 404, 'no mailbox with this user name'],
    ['/domains/example.com/mailboxes/nomail.example', 404, 'no mailbox with this user name'],
    ['/domains/example.com/nothing', 404, 'no page at this address'],
    ['/domains/%', 400, 'written %25'],
    ['/domains/example.com/mailboxes/%E0%A4%A', 400, 'written %25'],
    ['/domains/example.com?page=0', 400, '"page" must be'],
    ['/domains/example.com?page=x', 400, '"page" must be'],
    ['/domains/example.com?sort=password', 400, '"sort" must be one of: address, login, name'],
    ['/domains/example.com?order=up', 400, '"order" must be'],
    ['/domains/example.com?q=a&q=b', 400, '"q" must be given only once'],
    [`/?q=${'x'.repeat(201)}`, 400, 'at most 200 characters'],
  ])('%s', async (path, status, words) => {
    expect(await page(path, status)).toContain(words);
  });

  test('programs get the error as JSON, or as text for text', async () => {
    const json = await app.get('/domains/nosuch.example/mailboxes.json');
    expect([json.status, json.body]).toEqual([
      404,
      { error: { code: 'no-such-domain', message: 'There is no such domain in Virtualmin.' } },
    ]);
    const text = await app.get('/domains/example.com/mailboxes/nobody/settings.txt');
    expect([text.status, text.type]).toEqual([404, 'text/plain']);
    const csv = await app.get('/domains/nosuch.example/mailboxes.csv');
    expect([csv.status, csv.type, csv.headers['content-disposition']]).toEqual([
      404,
      'text/plain',
      undefined,
    ]);
  });

  test.each(['put', 'delete', 'patch'] as const)('the method %s is refused', async (method) => {
    const pending = request(app.app)[method]('/domains/example.com');
    const response = await pending.set('Authorization', `Bearer ${accessToken}`);
    expect(response.status).toBe(404);
  });
});

describe('when Virtualmin fails', () => {
  test.each([
    ['wrong password', 401, 'x', 502, 'does not accept the password'],
    ['lock-out', 403, 'blocked', 503, 'You can try again in 60 s'],
    [
      'not allowed',
      200,
      'ERROR: You are not allowed to run remote commands',
      502,
      'You are not allowed to run remote commands',
    ],
    ['a crash', 500, '<html>', 502, 'Virtualmin failed with an error (HTTP 500)'],
    ['nonsense', 200, '<html>', 502, 'the answer is a web page'],
  ])('%s', async (_what, status, body, shown, words) => {
    app.virtualmin.override = (_query, response) => {
      response.statusCode = status;
      response.end(body);
    };
    expect(await page('/domains/example.com', shown)).toContain(words);
    expect(await page('/', shown)).toContain('Try again');
    const json = await app.get('/domains/example.com/mailboxes.json');
    expect([json.status, Object.keys(json.body as object)]).toEqual([shown, ['error']]);
    expect(json.headers['retry-after']).toBe(status === 403 ? '60' : undefined);
    expect(app.logged()).toContain('"msg":"failed"');
  });

  test('only a master admin is shown the details', async () => {
    app.virtualmin.override = (_query, response) => {
      response.statusCode = 500;
      response.end();
    };
    const paths = ['', '/mailboxes.json', '/mailboxes.csv'].map(
      (end) => `/domains/example.com${end}`,
    );
    const details = /list-(users|domains)/;
    for (const path of paths) {
      const { status, text } = await app.get(path);
      expect([path, status, text]).toEqual([path, 502, expect.stringMatching(details)]);
    }
    for (const role of ['reseller', 'domain-owner', 'extra-admin'] as const) {
      app.viewer.is = { ...masterAdmin, role };
      for (const path of paths) {
        const { status, text } = await app.get(path);
        expect([path, status, text]).toEqual([path, 502, expect.not.stringMatching(details)]);
        expect(text).toContain('Its command has failed.');
      }
    }
  });

  test('only a master admin is shown the details beside an older answer', async () => {
    await page('/domains/example.com');
    app.virtualmin.override = (_query, response) => {
      response.statusCode = 500;
      response.end();
    };
    app.clock.now += 10 * 60_000;
    await page('/domains/example.com');
    app.clock.now += 1000;
    expect(await page('/domains/example.com')).toMatch(/list-(users|domains)/);
    app.viewer.is = { ...masterAdmin, role: 'domain-owner' };
    const text = await page('/domains/example.com');
    expect(text).toContain('Its command has failed.');
    expect(text).not.toMatch(/list-(users|domains)/);
  });

  test('"Try again" after a wrong password sends one more request', async () => {
    app.virtualmin.override = (_query, response) => {
      response.statusCode = 401;
      response.end();
    };
    await page('/', 502);
    await page('/', 502);
    expect(app.virtualmin.requests).toHaveLength(1);
    app.virtualmin.override = null;
    expect((await app.post('/')).status).toBe(303);
    await page('/');
  });
});

test.each(recordedDomains)('%s: its page, files and sheets are available', async (domain) => {
  await page(`/domains/${domain}`);
  expect((await app.get(`/domains/${domain}/mailboxes.json`)).status).toBe(200);
  expect((await app.get(`/domains/${domain}/mailboxes.csv`)).status).toBe(200);
});

test.each([
  ['fr-CH, fr;q=0.9, en;q=0.8', 'fr', 'Choisissez un domaine'],
  ['xx, nl;q=0.5', 'nl', 'Kies een domein'],
  ['*', 'en', 'Choose a domain'],
])("a page is in the browser's language: %s", async (accepted, code, words) => {
  const { text } = await app.get('/').set('Accept-Language', accepted);
  expect(text).toContain(`<html lang="${code}">`);
  expect(text).toContain(words);
});
