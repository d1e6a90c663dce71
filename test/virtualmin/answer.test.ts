import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bigDomainAnswer } from '../../src/demo/big-domain';
import { readAnswer, type Row, type RowShape } from '../../src/virtualmin/answer';
import { domainRows, nameRows, toNames, toVirtualServers } from '../../src/virtualmin/domains';
import { toDomainUsers, userRows } from '../../src/virtualmin/users';
import {
  converted,
  jsonAnswer,
  recordedDomains,
  recording,
  streamOf,
  userLines,
  userValues,
  xmlAnswer,
  type Values,
} from '../helpers/virtualmin';

type UserRow = typeof userRows extends RowShape<infer Field> ? Row<Field> : never;

async function users(body: Uint8Array | string, domain = 'example.com') {
  const answer = await readAnswer(Buffer.from(body), userRows);
  if (answer.kind !== 'rows') throw new Error(`not rows but ${JSON.stringify(answer)}`);
  return toDomainUsers(domain, answer.rows);
}

describe('JSON and XML', () => {
  test.each(recordedDomains)('%s: the recorded answers give the same users', async (domain) => {
    const json = await users(recording(`list-users.${domain}.json`), domain);
    const xml = await users(recording(`list-users.${domain}.xml`), domain);
    expect(xml).toEqual(json);
  });

  test('the recorded lists hold the same virtual servers', async () => {
    const [json, xml] = await Promise.all(
      ['json', 'xml'].map(async (format) => {
        const answer = await readAnswer(recording(`list-domains.${format}`), domainRows);
        return answer.kind === 'rows' ? toVirtualServers(answer.rows) : answer;
      }),
    );
    expect(xml).toEqual(json);
    expect(json).toHaveLength(10);
  });

  test('lists of names, in the form of 7.50.4', async () => {
    const [json, xml] = await Promise.all(
      ['json', 'xml'].map(async (format) => {
        const path = join(__dirname, '..', 'fixtures', `list-domains.name-only.7.50.4.${format}`);
        const answer = await readAnswer(readFileSync(path), nameRows);
        return answer.kind === 'rows' ? [...toNames(answer.rows)] : answer;
      }),
    );
    expect(xml).toEqual(json);
    expect(json).toHaveLength(8);
    expect(json).toContain('xn--mnchen-3ya.example');
  });

  test('the recorded failures give the same reason', async () => {
    const expected = { kind: 'failure', reason: 'Virtual server nosuch.example does not exist' };
    expect(await readAnswer(recording('error.no-such-domain.json'), nameRows)).toEqual(expected);
    expect(await readAnswer(recording('error.no-such-domain.xml'), nameRows)).toEqual(expected);
  });

  test('5,000 generated mailboxes are the same in both', async () => {
    const json = await users(bigDomainAnswer('json', 'big.example', 5000), 'big.example');
    const xml = await users(bigDomainAnswer('xml', 'big.example', 5000), 'big.example');
    expect(json.mailboxes).toHaveLength(5000);
    expect(xml).toEqual(json);
  });

  test.each([
    ['markup', '<b>&amp; "quoted" \'too\'</b>'],
    ['right to left', 'محمد שלום'],
    ['emoji', '👩‍👩‍👧 team'],
    ['percent and plus', '100%+ %EMAILADDRESS%'],
    ['CDATA ending', 'a]]>b'],
    ['120 characters', 'x'.repeat(120)],
  ])('a real name with %s is the same in both', async (_what, realName) => {
    const values = userValues({ real_name: realName });
    const json = await users(jsonAnswer(values));
    expect(json.mailboxes[0]?.realName).toBe(realName);
    expect(await users(xmlAnswer(values))).toEqual(json);
  });
});

describe('users', () => {
  test('of example.com as recorded', async () => {
    const { mailboxes, withoutMail } = await users(recording('list-users.example.com.json'));
    expect(mailboxes.map(({ emailAddress, login }) => [emailAddress, login])).toEqual([
      ['example@example.com', 'example'],
      ['bob@example.com', 'bob.example'],
      ['alice@example.com', 'alice.example'],
      ['zoe@example.com', 'zoe.example'],
      ['off@example.com', 'off.example'],
    ]);
    expect(mailboxes[0]).toMatchObject({ owner: true, disabled: false });
    expect(mailboxes[3]).toEqual({
      recoveryAddress: null,
      lastLogins: { read: null, sent: null },
      emailAddress: 'zoe@example.com',
      login: 'zoe.example',
      name: 'zoe',
      realName: 'Zoë Müller & <Söhne> "Q"',
      extraAddresses: ['info@example.com', 'sales@example.com'],
      delivery: { arrives: 'yes', forwardsTo: [] },
      disabled: false,
      owner: false,
      passwordAccepted: true,
    });
    expect(mailboxes[4]).toMatchObject({ disabled: true });
    expect(withoutMail).toEqual([
      { login: 'nomail.example', reason: 'ftp-only' },
      { login: 'webby.example', reason: 'website-manager' },
    ]);
  });

  test('log lines between the users are skipped', async () => {
    const noisy = await users(recording('list-users.example.com.log-noise.json'));
    expect(noisy).toEqual(await users(recording('list-users.example.com.json')));
  });

  test('without the owner if the call excludes it', async () => {
    const { mailboxes } = await users(recording('list-users.example.com.no-owner.json'));
    expect(mailboxes.some(({ owner }) => owner)).toBe(false);
  });

  test('a user for whom no password is accepted', async () => {
    const { mailboxes } = await users(recording('list-users.gone.example.json'), 'gone.example');
    expect(mailboxes.map(({ passwordAccepted }) => passwordAccepted)).toEqual([false, true]);
  });

  test.each([
    ['none', '{"status":"success","data":[]}', 0],
    ['no data at all', '{"status":"success"}', 0],
    [
      'one, not in a list',
      `{"status":"success","data":${JSON.stringify({ name: 'x', values: { user: 'x', unix_username: 'x', email_address: 'x@y.example' } })}}`,
      1,
    ],
    [
      'unknown keys and value types',
      '{"status":"success","new":1,"data":[{"name":"x","more":[],"values":{"user":["x"],"unix_username":["x"],"email_address":["x@y.example"],"future":[{"a":[1]}],"real_name":null}}, 7, null, "text", []]}',
      1,
    ],
    [
      'missing keys',
      '{"status":"success","data":[{"values":{"user":["x"],"unix_username":["x"],"email_address":["x@y.example"]}}]}',
      1,
    ],
    ['none in XML', '<api command="list-users" status="success"></api>', 0],
  ])('%s', async (_what, body, count) => {
    expect((await users(body)).mailboxes).toHaveLength(count);
  });

  test('hostile field names have no effect', async () => {
    const { mailboxes } = await users(
      '{"status":"success","data":[{"name":"__proto__","values":{"__proto__":{"email_address":["evil@x.example"]},"user":["x"],"unix_username":["x"]}}]}',
    );
    expect(mailboxes).toEqual([]);
    expect(({} as Record<string, unknown>).email_address).toBeUndefined();
  });

  test.each([
    ['a missing login', { unix_username: '' }],
    ['a login in broken bytes', { unix_username: 'b\uFFFDb' }],
    ['a login with a line break', { unix_username: 'bob\nX: y' }],
    ['a login with a space', { unix_username: 'bob example' }],
    ['a login with a direction mark', { unix_username: 'bob\u202Eelpmaxe' }],
    ['a login with half a surrogate pair', { unix_username: 'bob\uD800' }],
    ['an address with a zero-width character', { email_address: 'b\u200Bob@example.com' }],
  ])('no settings for %s', async (_what, changes) => {
    const { mailboxes, withoutMail } = await users(jsonAnswer(userValues(changes)));
    expect(mailboxes).toEqual([]);
    expect(withoutMail).toMatchObject([{ reason: 'unreadable' }]);
  });

  test.each([
    ['website manager', { user_type: 'Website manager' }, 'website-manager'],
    ['plugin user', { user_type: 'Feature plugin user' }, 'plugin-user'],
    ['FTP user', { ftp_access: 'Yes' }, 'ftp-only'],
    [
      'owner of a domain without mail',
      { user_type: 'Server owner', ftp_access: 'Yes' },
      'no-email-address',
    ],
    ['unknown kind of user', { user_type: 'Hologram' }, 'no-email-address'],
  ])('a %s without an address has no mailbox', async (_what, changes, reason) => {
    const { withoutMail } = await users(jsonAnswer(userValues({ ...changes, email_address: '' })));
    expect(withoutMail).toEqual([{ login: 'bob.example', reason }]);
  });

  // As list-users.pl of 8.1.0 prints them: `extra` users have no Unix user, and no shell.
  test.each([
    [
      'databases',
      { database_username: 'dbman.example', databases: 'example (mysql)' },
      'database-only',
    ],
    ['protected folders', {}, 'website-only'],
  ])('a user of %s is no FTP user', async (_what, fields, reason) => {
    const { unix_username, email_address, ...others } = userValues({
      ...fields,
      ftp_access: 'Yes',
    });
    expect([unix_username, email_address]).not.toContain(undefined);
    for (const answer of [jsonAnswer, xmlAnswer]) {
      const { mailboxes, withoutMail } = await users(answer({ ...others, user: 'dbman' }));
      expect(mailboxes).toEqual([]);
      expect(withoutMail).toMatchObject([{ reason }]);
    }
  });

  test('a name with invalid bytes is shown with replacement characters', async () => {
    const body = Buffer.from(jsonAnswer(userValues({ real_name: 'Zo# Müller' })), 'utf8');
    body[body.indexOf('#')] = 0xeb; // ë in Latin-1
    expect((await users(body)).mailboxes[0]?.realName).toBe('Zo\uFFFD Müller');
  });

  test.each([
    ['two', 'info@example.com sales@example.com', ['info@example.com', 'sales@example.com']],
    ['doubled, and its own', 'a@x.example  a@x.example bob@example.com', ['a@x.example']],
    ['a catch-all', '@example.com', ['*@example.com']],
    ['one that cannot be typed', 'a\u200Bb@x.example', []],
  ])('extra addresses: %s', async (_what, extra_addresses, expected) => {
    const { mailboxes } = await users(jsonAnswer(userValues({ extra_addresses })));
    expect(mailboxes[0]?.extraAddresses).toEqual(expected);
  });

  test.each([
    ['as adduser writes it', 'Kim Example,,,', 'Kim Example'],
    ['with an office and two telephones', 'Ann Sample,Room 12,555-0101,555-0102', 'Ann Sample'],
    ['with the fifth part', 'Ann Sample,,,,ann@home.example', 'Ann Sample'],
    ['with an office, as util-linux writes it', 'Ann Sample,Room 12', 'Ann Sample'],
    ['with a telephone, as util-linux writes it', 'Ann Sample,,555-0101', 'Ann Sample'],
    ['with an office in words, as Webmin writes it', 'Ann Sample,Cellar,,', 'Ann Sample'],
    ['of parts in another script', 'محمد,غرفة ١٢', 'محمد'],
    ['without a name', ',Room 12,555-0101,', ''],
    ['of commas alone', ',,,', ''],
    ['with the family name first', 'Doe, Jane', 'Doe, Jane'],
    ['with the family name first, by adduser', 'Doe, Jane,,,', 'Doe, Jane'],
    ['with the family name first, and an office', 'Doe, Jane,Room 12,555-0101,', 'Doe, Jane'],
    ['with a comma typed without a space', 'Doe,Jane', 'Doe,Jane'],
    ['of a firm', 'Doe, Roe, Poe, and Partners', 'Doe, Roe, Poe, and Partners'],
    ['with a number', 'Ann Sample 3rd, Ltd.', 'Ann Sample 3rd, Ltd.'],
    ['without commas', 'Ann Sample', 'Ann Sample'],
  ])('a real name %s', async (_what, real_name, expected) => {
    for (const body of [
      jsonAnswer(userValues({ real_name })),
      xmlAnswer(userValues({ real_name })),
    ])
      expect((await users(body)).mailboxes[0]?.realName).toBe(expected);
  });

  test('a real name becomes one line without direction marks', async () => {
    const { mailboxes } = await users(
      jsonAnswer(userValues({ real_name: ' Bob\r\nBcc: all\u202E ' })),
    );
    expect(mailboxes[0]?.realName).toBe('Bob Bcc: all');
  });
});

describe('an invalid answer', () => {
  test.each([
    ['a table', recording('list-users.example.com.without-multiline.json'), 'table'],
    ['plain text', recording('list-users.example.com.txt'), 'neither JSON nor XML'],
    ['nothing', '', 'empty'],
    ['white space', ' \n ', 'empty'],
    ['a web page', '<!DOCTYPE html><html><body>Log in</body></html>', 'web page'],
    [
      'half of the JSON',
      recording('list-users.example.com.json').subarray(0, 3000),
      'not complete JSON',
    ],
    [
      'half of the XML',
      recording('list-users.example.com.xml').subarray(0, 3000),
      'not complete XML',
    ],
    ['JSON without a status', '{"data":[]}', 'no status'],
    ['XML without a status', '<api></api>', 'no status'],
    [
      'XML with its own entity',
      '<api status="success"><data name="&x;"/></api>',
      'not complete XML',
    ],
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><api status="success"/>', 'web page'],
  ])('%s', async (_what, body, reason) => {
    expect(await readAnswer(Buffer.from(body), userRows)).toEqual({
      kind: 'not-understood',
      reason: expect.stringContaining(reason),
    });
  });

  test('an error in text is read in every format', async () => {
    expect(await readAnswer(recording('error.not-allowed.txt'), userRows)).toEqual({
      kind: 'refusal',
      reason: 'You are not allowed to run remote commands',
    });
  });

  test('a failure without a reason is accepted', async () => {
    const body = Buffer.from('{"status":"failure","error":null}');
    expect(await readAnswer(body, nameRows)).toEqual({ kind: 'failure', reason: null });
  });

  test('a truncated answer is not quoted, because it may contain a password', async () => {
    const body = recording('list-users.plain.example.json').subarray(0, 4000);
    expect(JSON.stringify(await readAnswer(body, userRows))).not.toContain('Tr0ub4dor');
  });
});

test('a parsed answer contains only the requested fields', async () => {
  for (const format of ['json', 'xml']) {
    const answer = await readAnswer(recording(`list-users.plain.example.${format}`), userRows);
    const text = JSON.stringify(answer);
    expect(text).toContain('pat@plain.example');
    expect(text).not.toMatch(/Tr0ub4dor|pl@inPass1|\$y\$|home_directory/);
  }
});

/** Perl's warning, as it prints it to the same stream: perldiag(1). */
const warning =
  'Use of uninitialized value $d->{"pass"} in concatenation (.) or string at /usr/share/webmin/virtual-server/list-users.pl line 88, <FILE> line 3.\n';

describe('text around an answer', () => {
  const headers = 'Content-type: text/plain\n\n';

  test.each([
    ['a warning before', warning, ''],
    ['a warning after', '', warning],
    ['warnings on both sides', warning.repeat(3), warning],
    ['headers before', headers, ''],
    ['three hundred warnings', warning.repeat(300), ''],
    ['a password', 'Debug: {"password":"S3cret"} { "status": 1 }\n', '{"data":["S3cret"]'],
  ])('%s is left out, in JSON and in XML', async (_what, before, after) => {
    for (const format of ['json', 'xml']) {
      const body = recording(`list-users.example.com.${format}`);
      const noisy = Buffer.concat([Buffer.from(before), body, Buffer.from(after)]);
      const answer = await readAnswer(noisy, userRows);
      if (answer.kind !== 'rows') throw new Error(JSON.stringify(answer));
      expect(toDomainUsers('example.com', answer.rows)).toEqual(await users(body));
      const place = (before + after).includes('line 88') ? 'list-users.pl line 88' : null;
      expect(answer.noise?.place).toBe(place);
      expect(JSON.stringify(answer.noise)).not.toContain('S3cret');
    }
  });

  test('an answer without it has no noise', async () => {
    for (const format of ['json', 'xml']) {
      const answer = await readAnswer(recording(`list-users.example.com.${format}`), userRows);
      expect(answer).toMatchObject({ kind: 'rows', noise: null });
    }
  });

  test('a failure behind a warning', async () => {
    const expected = { kind: 'failure', reason: 'Virtual server nosuch.example does not exist' };
    for (const format of ['json', 'xml']) {
      const body = warning + String(recording(`error.no-such-domain.${format}`));
      expect(await readAnswer(Buffer.from(body), nameRows)).toEqual(expected);
    }
    const said = `${warning}\nVirtual server nosuch.example does not exist\n\nLists the users.\n`;
    const within = { status: 'failure', error: warning.trim(), full_error: said };
    expect(await readAnswer(Buffer.from(JSON.stringify(within)), nameRows)).toEqual(expected);
  });

  test('a refusal behind a warning', async () => {
    const body = warning + String(recording('error.not-allowed.txt'));
    expect(await readAnswer(Buffer.from(body), nameRows)).toMatchObject({ kind: 'refusal' });
  });

  test.each(['json', 'xml'])('a truncated answer in %s is never a whole one', async (format) => {
    const body = recording(`list-users.example.com.${format}`);
    const whole = body.length - 3;
    for (let end = 40; end < whole; end += 97) {
      for (const [before, after] of [
        ['', ''],
        [warning, ''],
        ['', `\n${warning}`],
      ] as const) {
        const cut = Buffer.concat([Buffer.from(before), body.subarray(0, end), Buffer.from(after)]);
        expect((await readAnswer(cut, userRows)).kind).toBe('not-understood');
      }
      expect((await readAnswer(body.subarray(end), userRows)).kind).toBe('not-understood');
    }
  });
});

/** As error_stderr() in Webmin's web-lib-funcs.pl prints it. */
const logLine = '[01/Dec/2026:00:00:14 +0000] [127.0.0.1] Failed to get version: no such file\n';

describe('warnings among the rows of an answer', () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    userValues({
      user: `m${index}`,
      unix_username: `m${index}.big`,
      email_address: `m${index}@big.example`,
      real_name: `Member Number ${index}`,
      password: 'S3cret pass:word',
      extra_addresses: `info${index}@big.example sales${index}@big.example`,
      last_logins: 'imap 23/Nov/2026 19:33, smtp 24/Nov/2026 08:01',
      mail_location: `/home/big/homes/m${index}/Maildir`,
      forward_mail_to: ['boss@partner.example', `\\m${index}.big`],
    }),
  );
  const answer = async (stream: string) =>
    readAnswer(Buffer.from(converted('list-users', stream)), userRows);

  test('without them the answer is as usual', async () => {
    expect(await users(converted('list-users', streamOf(userLines(many, ''))))).toEqual(
      await users(jsonAnswer(...many)),
    );
  });

  test.each([
    ['a warning of Perl', warning, 'list-users.pl line 88'],
    ['two of them', warning.repeat(2), 'list-users.pl line 88'],
    ['a line of the log', logLine, null],
    ['what another program prints', 'doveadm: Error\n', null],
  ])('%s at the end of each block: nothing of it is shown', async (_what, text, place) => {
    expect(await answer(streamOf(userLines(many, text)))).toEqual({ kind: 'mixed', place });
  });

  test.each([
    ['a warning of Perl', warning],
    ['a line of the log', logLine],
  ])('%s at any place: the users are right, or nothing is shown', async (_what, text) => {
    const few = many.slice(0, 3);
    const right = await users(jsonAnswer(...few));
    const seen = { rows: 0, mixed: 0 };
    for (let block = 20; block < 1600; block++) {
      const [first, ...others] = userLines(few, '');
      if (first === undefined) throw new Error('no lines');
      // Warnings that come when the first block has been written, and then none.
      const begun = [first, ...others].findIndex(
        (_write, index, all) => streamOf(all.slice(0, index + 1), block).length >= block * 2,
      );
      const writes = [first, ...others];
      const lines = writes.slice(0, begun + 1).reduce((size, one) => size + one.text.length, 0);
      if (begun === -1 || lines < block) continue;
      writes.splice(begun + 1, 0, { to: 'errors', text });
      const read = await answer(streamOf(writes, block));
      if (read.kind === 'mixed') {
        seen.mixed++;
        continue;
      }
      if (read.kind !== 'rows') throw new Error(JSON.stringify(read));
      seen.rows++;
      const found = toDomainUsers('example.com', read.rows);
      expect(JSON.stringify(found)).not.toContain('S3cret');
      const named = found.mailboxes.map((one, index) => ({
        ...one,
        realName: one.realName === '' ? right.mailboxes[index]?.realName : one.realName,
      }));
      expect({ ...found, mailboxes: named }).toEqual(right);
    }
    expect(seen.rows).toBeGreaterThan(5);
    expect(seen.mixed).toBeGreaterThan(500);
  });
});

describe('warnings among domains', () => {
  const lines = (name: string, id: string) => [
    `${name}\n`,
    `    ID: ${id}\n`,
    '    Type: Top-level server\n',
    '    Description: Shop\n',
    '    Features: unix dir mail\n',
  ];
  const names = ['first.example', 'second.example', 'third.example'];
  const printed = names.flatMap((name, index) => lines(name, String(index)));

  /** The first block is longer than the first line. */
  const begin = 'first.example\n'.length;

  /** The rows with a warning after that many bytes. */
  const cutAt = (text: string, at: number) =>
    converted('list-domains', text.slice(0, at) + warning + text.slice(at));

  test('at any place: the domains are right, or nothing is shown', async () => {
    const text = printed.join('');
    const right = names.map((name) => ({ name, mail: true, disabled: null }));
    const kinds = new Set<string>();
    for (let at = begin; at < text.length; at++) {
      const answer = await readAnswer(Buffer.from(cutAt(text, at)), domainRows);
      kinds.add(answer.kind);
      if (answer.kind === 'mixed') continue;
      if (answer.kind !== 'rows') throw new Error(JSON.stringify(answer));
      expect(toVirtualServers(answer.rows)).toMatchObject(right);
    }
    expect([...kinds].sort()).toEqual(['mixed', 'rows']);
  });

  test('at any place in a list of names: no rest of a name is taken for a domain', async () => {
    const text = names.map((name) => `${name}\n`).join('');
    for (let at = begin; at < text.length; at++) {
      const answer = await readAnswer(Buffer.from(cutAt(text, at)), nameRows);
      expect(answer).toEqual({ kind: 'mixed', place: 'list-users.pl line 88' });
    }
    const before = await readAnswer(Buffer.from(cutAt(text, 0)), nameRows);
    expect(before.kind === 'rows' && [...toNames(before.rows)]).toEqual(names);
  });

  test('a domain disabled with a reason that looks like a warning stays disabled', async () => {
    const text = [...printed, '    Disabled: Manually (see at x.pl line 1)\n'].join('');
    const answer = await readAnswer(Buffer.from(converted('list-domains', text)), domainRows);
    const servers = answer.kind === 'rows' ? toVirtualServers(answer.rows) : [];
    expect(servers.map(({ disabled }) => disabled)).toEqual([null, null, '']);
  });
});

describe('a command that ends early', () => {
  // As Virtualmin 8.1.0 answers list-domains while MariaDB is stopped: error() in Webmin's web-lib-funcs.pl.
  const rows =
    'big.example\n    ID: 1\n    Password: S3cret-one\nexample.com\n    ID: 2\n    Pass: S3cr';
  const reason = async (full_error: string) => {
    const answer = { status: 'failure', error: full_error.split('\n')[0], full_error };
    const read = await readAnswer(Buffer.from(JSON.stringify(answer)), domainRows);
    return read.kind === 'failure' ? read.reason : read;
  };

  test.each(['Error', 'Fehler', 'Erreur', 'Fout'])('its message below "%s"', async (head) => {
    const message = "DBI connect failed : Can't connect to local server through socket";
    const printed = `${rows}\n${logLine}${head}\n-----\n${message}\n-----\n`;
    expect(await reason(printed)).toBe(message);
    expect(await reason(`${head}\n-----\n${message}\n-----\n`)).toBe(message);
  });

  test.each([
    ['of Perl', 'Died at /usr/share/webmin/virtual-server/list-domains.pl line 9.\n', true],
    ['unknown', '', false],
  ])('without the rows where its message is %s', async (_what, message, placed) => {
    const place = placed ? ', at list-domains.pl line 9' : '';
    expect(await reason(`${rows}${message}et-two\n`)).toBe(
      `its command ended before its list was complete${place}`,
    );
  });
});

describe('the delivery of mail', () => {
  const alice = userValues({
    unix_username: 'alice.example',
    user: 'alice',
    email_address: 'alice@example.com',
  });

  /** The delivery of bob's mail with these destinations, from JSON and from XML. */
  async function delivery(forward_mail_to: readonly string[], changes: Values = {}) {
    const bob = {
      ...userValues({ mail_location: '/home/example/homes/bob/Maildir', ...changes }),
      ...(forward_mail_to.length === 0 ? {} : { forward_mail_to }),
    };
    const [json, xml] = await Promise.all([
      users(jsonAnswer(bob, alice)),
      users(xmlAnswer(bob, alice)),
    ]);
    expect(xml).toEqual(json);
    return json.mailboxes[0]?.delivery;
  }

  test.each<[string, string[], string, string[]]>([
    ['no destination', [], 'yes', []],
    ['an address', ['bob@home.example'], 'no', ['bob@home.example']],
    [
      'an address and the mailbox',
      ['bob@home.example', '\\bob.example'],
      'yes',
      ['bob@home.example'],
    ],
    ["Virtualmin's template", ['\\NEWUSER', 'boss@home.example'], 'yes', ['boss@home.example']],
    ['the login without a backslash', ['bob.example'], 'yes', []],
    ["qmail's name of the mailbox", ['./Maildir/'], 'yes', []],
    ['the folder of the mailbox', ['/home/example/homes/bob/Maildir/'], 'yes', []],
    ['another folder', ['/home/example/homes/alice/Maildir/'], 'unknown', []],
    ['another mailbox', ['\\alice.example'], 'no', ['alice@example.com']],
    ['another mailbox without a backslash', ['alice.example'], 'no', ['alice@example.com']],
    ['an alias of the server', ['root'], 'no', ['root']],
    ['the same name in another domain', ['%1@home.example'], 'no', ['bob@home.example']],
    ['the same address twice', ['a@b.example', 'a@b.example'], 'no', ['a@b.example']],
    ['nobody', ['/dev/null'], 'no', []],
    ['a refusal', ['BOUNCE No longer here'], 'no', []],
    [
      'an automatic answer alone',
      ['|/etc/webmin/virtual-server/autoreply.pl /home/example/autoreply-bob.txt bob.example'],
      'no',
      [],
    ],
    [
      'an automatic answer and the mailbox',
      ['\\bob.example', '|/etc/webmin/virtual-server/autoreply.pl /home/x/a.txt bob.example'],
      'yes',
      [],
    ],
    ["Webmin's filter", ['|/etc/webmin/virtual-server/filter.pl /home/x/f bob'], 'unknown', []],
    ['a program', ['"|/usr/bin/procmail -t"'], 'unknown', []],
    ['a program and an address', ['|/bin/x', 'a@b.example'], 'unknown', ['a@b.example']],
    ['a list', [':include:/etc/webmin/virtual-server/everyone/17'], 'unknown', []],
    ['its own address', ['Bob@example.com'], 'unknown', []],
    ['an address that turns the text round', ['a\u202Eb@home.example'], 'unknown', []],
    ['an address with markup', ['<b>x</b>@home.example'], 'unknown', []],
    ['an address that is not one', ['a@b c'], 'unknown', []],
    ['nothing readable', ['\uFFFD\uFFFD'], 'unknown', []],
  ])('to %s', async (_what, destinations, arrives, forwardsTo) => {
    expect(await delivery(destinations)).toEqual({ arrives, forwardsTo });
  });

  test.each(['\\bob-example.com', '\\bob\\@example.com', '\\bob@example.com'])(
    'a login with an @ as %s is the mailbox',
    async (self) => {
      const changes = { unix_username: 'bob@example.com' };
      expect(await delivery([self], changes)).toEqual({ arrives: 'yes', forwardsTo: [] });
    },
  );

  test('the recorded forward of Virtualmin keeps the mail', async () => {
    const { mailboxes } = await users(recording('list-users.plain.example.json'), 'plain.example');
    const forwarding = mailboxes.filter(({ delivery: { forwardsTo } }) => forwardsTo.length > 0);
    expect(forwarding.map(({ login, delivery }) => [login, delivery])).toEqual([
      ['fwd@plain.example', { arrives: 'yes', forwardsTo: ['someone@elsewhere.example'] }],
    ]);
  });

  test('ten thousand destinations are all kept', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `a${index}@home.example`);
    expect(await delivery(many)).toEqual({ arrives: 'no', forwardsTo: many });
  });
});

describe('last logins', () => {
  const rowOf = (name: string, lastLogins?: string): UserRow => ({
    name,
    values: {
      unix_username: [name],
      email_address: [`${name}@example.com`],
      ...(lastLogins === undefined ? {} : { last_logins: [lastLogins] }),
    },
  });
  const loginsIn = (...texts: (string | undefined)[]) =>
    toDomainUsers(
      'example.com',
      texts.map((text, index) => rowOf(`user${index}`, text)),
    ).mailboxes.map(({ lastLogins }) => lastLogins);

  test('are those of mail clients', () => {
    expect(
      loginsIn(
        'imap 23/Nov/2026 19:33, smtp 4/Jan/2026 08:01',
        'pop3 1/Feb/2026 00:00,imap 31/Jan/2026 23:59',
        'usermin 23/Nov/2026 19:33, webmin 23/Nov/2026 19:33',
        'imap 23/Foo/2026 19:33, __proto__ 23/Nov/2026 19:33, smtp soon',
        undefined,
      ),
    ).toEqual([
      { read: '2026-11-23', sent: '2026-01-04' },
      { read: '2026-02-01', sent: null },
      { read: null, sent: null },
      { read: null, sent: null },
      { read: null, sent: null },
    ]);
  });

  test('are unknown, not "never", if Virtualmin records none', () => {
    expect(loginsIn(undefined, undefined)).toEqual([null, null]);
  });
});
