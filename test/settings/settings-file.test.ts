import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { noBranding } from '../../src/domain/branding';
import { defaultPolicy } from '../../src/settings/settings';
import { readSettingsFile } from '../../src/settings/settings-file';
import { followSettingsFile } from '../../src/settings/follow-settings-file';
import { english } from '../helpers/languages';
import { policiesOf, valueOf } from '../helpers/settings';

describe('a settings error names the line and the key', () => {
  test.each([
    ['no equals sign', 'mail_host', 'line 1: expected key=value'],
    ['an unknown key', '# x\n\nmial_host=x', 'line 3: unknown setting "mial_host"'],
    ['an invalid host', 'mail_host=mail.{domain}/x', 'mail_host must be a host name'],
    ['an unknown placeholder', 'mail_host=mail.{user}', 'mail_host must be a host name'],
    [
      'an unknown security',
      'prefer_security=ssl',
      'prefer_security must be starttls or implicit-tls',
    ],
    ['neither yes nor no', 'offer_pop3=maybe', 'offer_pop3 must be yes or no'],
    ['a port too high', 'imap_port=65536', 'imap_port must be a port'],
    ['a port that is a word', 'imap_port=imap', 'imap_port must be a port'],
    ['an IP address', 'mail_host=192.0.2.1', 'mail_host must be a name, such as'],
    ['an IPv6 address', 'mail_host=[2001:db8::1]', 'and not an IP address: mail clients compare'],
    ['a bare IPv6 address', 'outgoing_host=2001:db8::1', 'outgoing_host must be a name, such as'],
    ['this machine', 'mail_host=localhost', 'mail_host must be a full name'],
    ['this machine in full', 'mail_host=localhost.localdomain', 'mail_host must be a full name'],
    ['a short name', 'outgoing_host=mail', 'outgoing_host must be a full name'],
    [
      'STARTTLS on a port with TLS',
      'imap_port=993',
      'must not be 993: that is the port of imaps_port',
    ],
    ['TLS on a port with STARTTLS', 'imaps_port=143', 'that is the port of imap_port'],
    ['both exchanged', 'imap_port=993\nimaps_port=143', 'line 1: imap_port must not be 993'],
    ['SMTP on 465 with STARTTLS', 'submission_port=465', 'that is the port of submissions_port'],
    ['the port of a protocol that is off', 'submissions_port=110\noffer_pop3=no', 'of pop3_port'],
    ['one port for two', 'imap_port=1143\nimaps_port=1143', 'line 2: imaps_port must not be 1143'],
    [
      'in an exception',
      'pop3_port=999\nimap_port@a.example=999',
      'another service of the same server',
    ],
    ['one port for receiving and sending', 'imap_port=99\nsubmission_port=99', 'has this port'],
    [
      'a misspelt placeholder',
      'webmail_url=https://{domian}/',
      'webmail_url must be a web address',
    ],
    ['a password in it', 'webmail_url=https://kim:pw@w.example/', 'must not contain a user name'],
    ['this machine as webmail', 'webmail_url=http://127.0.0.1/', 'that others can open'],
    ['its name as webmail', 'webmail_url=https://localhost:20000/', 'that others can open'],
    ['a short name as webmail', 'webmail_url=http://webmail/', 'that others can open'],
    ['a short IP address', 'mail_host=192.2.1', 'and not an IP address'],
    ['an IP address in hex', 'outgoing_host=0xC0000201', 'and not an IP address'],
    ['a name below localhost', 'mail_host=mail.localhost', 'mail_host must be a full name'],
    [
      'a key twice',
      'mail_host=a.example\n\nmail_host=b.example',
      'line 3: mail_host is set twice: also in line 1',
    ],
    [
      'an exception twice',
      'imap_port@a.example=99\nimap_port@A.Example=98',
      'line 2: imap_port@A.Example is set twice: also in line 1',
    ],
    ['port 25', 'submission_port=25', 'submission_port must not be 25'],
    ['an invalid web address', 'webmail_url=webmail', 'webmail_url must be a web address'],
    [
      'a web address with code',
      'webmail_url=javascript:alert(1)',
      'webmail_url must be a web address',
    ],
    [
      'a contact too long',
      `support_contact=${'x'.repeat(201)}`,
      'support_contact must be one line',
    ],
    [
      'no way to receive',
      'imap_port=off\nimaps_port=off\noffer_pop3=no',
      'leaves no way to receive mail',
    ],
    ['no way to send', 'submission_port=off\nsubmissions_port=off', 'leaves no way to send mail'],
    ['an exception for an invalid domain', 'mail_host@-x-=a.example', '"-x-" is not a domain name'],
    [
      'an exception for two domains',
      'mail_host@a.example@b.example=x',
      '"a.example@b.example" is not a domain name',
    ],
    [
      'a mistake in an exception',
      'imap_port@Example.org=x',
      'line 1: imap_port@Example.org must be a port',
    ],
    [
      'an exception that leaves no way to receive',
      'imap_port=off\noffer_pop3=no\nimaps_port@a.example=off',
      'leaves no way to receive mail',
    ],
  ])('%s', (_what, text, message) => {
    expect(() => policiesOf(text)).toThrow(message);
  });

  test.each([
    ['on another server', 'imap_port=99\nsubmission_port=99\noutgoing_host=smtp.{domain}'],
    ['for POP3, which is off', 'imap_port=99\npop3_port=99\noffer_pop3=no'],
    ['that is off', 'imap_port=off\npop3_port=off'],
  ])('the same port is right %s', (_where, text) => {
    expect(() => policiesOf(text)).not.toThrow();
  });

  test('a missing file', () => {
    expect(() => valueOf(readSettingsFile('/nonexistent'))).toThrow(
      '/nonexistent: cannot be read (ENOENT)',
    );
  });
});

test('an empty file, comments and empty values give the defaults', () => {
  const { general } = policiesOf('# mail_host=x\n\nmail_host=\nimap_port=\r\n');
  expect(general).toEqual(defaultPolicy);
});

test('spaces and Windows line ends are ignored, and so is a line that is there twice', () => {
  const { general } = policiesOf('imap_port = 2\r\nimap_port = 2 \r\n');
  expect(general.imap.starttls).toBe(2);
});

test("a domain's own settings override the general ones", () => {
  const { general, byDomain } = policiesOf(
    'webmail_url=https://w.example/\nmail_host@A.example=mx.a.example\noffer_pop3@a.example=0',
  );
  expect(general.incomingHost).toBe('mail.{domain}');
  expect(byDomain.get('a.example')).toEqual({
    ...general,
    // Only its own settings: see policyFor.
    branding: noBranding,
    incomingHost: 'mx.a.example',
    outgoingHost: 'mx.a.example',
    offerPop3: false,
  });
});

test('the domain of a setting may be written as it is read', () => {
  const { byDomain } = policiesOf('mail_host@München.example=mx.example');
  expect([...byDomain.keys()]).toEqual(['xn--mnchen-3ya.example']);
});

test('a host may be written as it is read, also in a pattern and for one domain', () => {
  const { general, byDomain } = policiesOf(
    'mail_host=Post.{domain}\noutgoing_host=smtp.Zürich.example\nmail_host@münchen.example=mail.München.example',
  );
  expect(general.incomingHost).toBe('post.{domain}');
  expect(general.outgoingHost).toBe('smtp.xn--zrich-kva.example');
  expect(byDomain.get('xn--mnchen-3ya.example')?.incomingHost).toBe('mail.xn--mnchen-3ya.example');
  expect(() => policiesOf('mail_host=mail.münchen example')).toThrow('must be a host name');
  expect(() => policiesOf('mail_host=mail.münchen/x.example')).toThrow('must be a host name');
});

test('a name of Object.prototype is not a setting', () => {
  expect(() => policiesOf('constructor=x')).toThrow('line 1: unknown setting "constructor"');
});

describe('sheet layout settings', () => {
  test('accepts every key', () => {
    const text = [
      'host_name=Example Hosting',
      'host_colour=#14509B',
      'sheet_note=Closed on Sundays.',
      'sheet_clients=thunderbird, apple-ios',
      'sheet_language=nl',
      'sheet_paper=letter',
      'sheet_clients@example.org=none',
    ].join('\n');
    const { general, byDomain } = policiesOf(text);
    expect(general.branding).toEqual({
      ...noBranding,
      name: 'Example Hosting',
      colour: '#14509b',
      note: 'Closed on Sundays.',
      clients: ['thunderbird', 'apple-ios'],
      language: 'nl',
      paper: 'letter',
    });
    expect(byDomain.get('example.org')?.branding.clients).toEqual([]);
  });

  test.each([
    ['host_colour=red', 'must be a colour such as #14509b'],
    ['host_colour=#ffcc00', 'is too light for white paper: its contrast is 1.5'],
    ['sheet_clients=pine', 'must be none, or one or more of apple-ios'],
    ['sheet_language=../en', 'must be the code of a language'],
    ['sheet_paper=a0', 'must be a4 or letter'],
  ])('refuses %s', (line, words) => {
    expect(() => policiesOf(line)).toThrow(words);
  });
});

describe('the encoding of a settings file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  const path = join(folder, 'settings');
  const text = 'mail_host=mx.example\nsupport_contact=Büro\n';

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ["with Windows' line ends", Buffer.from(text.replaceAll('\n', '\r\n'))],
    [
      'with white space around',
      Buffer.from(text.replaceAll('=', '\u00A0= \t').replaceAll('\n', ' \n')),
    ],
  ])('%s', (_what, bytes) => {
    writeFileSync(path, bytes);
    const { general } = valueOf(readSettingsFile(path));
    expect([general.incomingHost, general.branding.supportContact]).toEqual(['mx.example', 'Büro']);
  });

  test.each([
    ['UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['Latin-1', Buffer.from(text, 'latin1')],
  ])('%s is refused', (_what, bytes) => {
    writeFileSync(path, bytes);
    expect(() => valueOf(readSettingsFile(path))).toThrow(
      `${path} is not in UTF-8: save it in this encoding`,
    );
  });
});

describe('a changed settings file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  const path = join(folder, 'settings');

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('is read again, and keeps the old settings if the change is invalid', () => {
    const logged: string[] = [];
    const log = {
      info: () => undefined,
      warn: ({ reason }: { reason: string }) => void logged.push(reason),
    } as unknown as Parameters<typeof followSettingsFile>[3];
    writeFileSync(path, 'mail_host=one.example');
    const settings = followSettingsFile(path, valueOf(readSettingsFile(path)), english.say, log);
    const host = () => settings().general.incomingHost;
    expect(host()).toBe('one.example');
    writeFileSync(path, 'mail_host=two.example.org');
    expect(host()).toBe('two.example.org');
    writeFileSync(path, 'mail_host=');
    expect(host()).toBe('mail.{domain}');
    writeFileSync(path, 'imap_port=25 and more');
    expect(host()).toBe('mail.{domain}');
    rmSync(path);
    expect([host(), host()]).toEqual(['mail.{domain}', 'mail.{domain}']);
    expect(logged).toEqual([
      `${path}, line 1: imap_port must be a port from 1 to 65535, or off`,
      `${path}: cannot be read (ENOENT)`,
    ]);
    symlinkSync(path, path);
    expect([host(), host()]).toEqual(['mail.{domain}', 'mail.{domain}']);
    expect(logged.slice(2)).toEqual([`${path}: cannot be read (ELOOP)`]);
    rmSync(path);
    writeFileSync(path, 'mail_host=three.example');
    expect(host()).toBe('three.example');
  });
});
