import { describe, expect, test } from '@jest/globals';
import { noBranding } from '../../src/domain/branding';
import { decideClientSettings } from '../../src/domain/client-settings';
import { defaultPolicy } from '../../src/settings/settings';
import { settingsFingerprint } from '../../src/formats/fingerprint';
import { mailboxesJson, settingsJson } from '../../src/formats/json';
import { settingsText } from '../../src/formats/settings-text';
import { spokenLogin } from '../../src/formats/sheet';
import { english, languages } from '../helpers/languages';
import { bob, exampleCom } from '../helpers/domain';

const settings = decideClientSettings(
  { ...bob, extraAddresses: ['info@example.com', 'sales@example.com'] },
  exampleCom,
  {
    ...defaultPolicy,
    branding: {
      ...noBranding,
      webmailUrl: 'https://webmail.{domain}/',
      supportContact: 'help@example.com',
    },
  },
);

test('settings.txt as text', () => {
  expect(settingsText(settings, english)).toBe(`Mail client settings for bob@example.com

! The user name is not the e-mail address. Type it exactly as shown.

Incoming mail (IMAP)
  Server:         mail.example.com
  Port:           143
  Security:       STARTTLS
  User name:      bob.example
  Password:       the mailbox's password
  Authentication: Normal password
  If that does not connect: port 993 with SSL/TLS

Outgoing mail (SMTP)
  Server:         mail.example.com
  Port:           587
  Security:       STARTTLS
  User name:      bob.example
  Password:       the mailbox's password
  Authentication: Normal password
  If that does not connect: port 465 with SSL/TLS

Do not turn on: Secure Password Authentication (SPA), CRAM-MD5, "encrypted password", port 25, or a connection without encryption.

Only to download all mail to a single device, instead of IMAP: POP3 at mail.example.com, port 110 with STARTTLS or port 995 with SSL/TLS, same user name. Never use POP3 and IMAP on the same mailbox.

Other addresses of this mailbox (same user name): info@example.com, sales@example.com
Webmail: https://webmail.example.com/
Help: help@example.com
`);
});

test('settings.json', () => {
  const service = { authentication: 'normal-password', host: 'mail.example.com' };
  expect(JSON.parse(JSON.stringify(settingsJson(settings)))).toEqual({
    domain: 'example.com',
    emailAddress: 'bob@example.com',
    readableAddress: null,
    login: 'bob.example',
    loginIsEmailAddress: false,
    realName: 'Bob Example',
    extraAddresses: ['info@example.com', 'sales@example.com'],
    delivery: { arrives: 'yes', forwardsTo: [] },
    disabled: false,
    incoming: [
      { ...service, protocol: 'imap', port: 143, security: 'starttls', role: 'recommended' },
      { ...service, protocol: 'imap', port: 993, security: 'implicit-tls', role: 'fallback' },
      { ...service, protocol: 'pop3', port: 110, security: 'starttls', role: 'alternative' },
      { ...service, protocol: 'pop3', port: 995, security: 'implicit-tls', role: 'alternative' },
    ],
    outgoing: [
      { ...service, protocol: 'submission', port: 587, security: 'starttls', role: 'recommended' },
      { ...service, protocol: 'submission', port: 465, security: 'implicit-tls', role: 'fallback' },
    ],
    webmailUrl: 'https://webmail.example.com/',
    checkedAt: null,
    warnings: ['login-is-not-email-address'],
  });
});

test('mailboxes.json', () => {
  const users = {
    domain: 'example.com',
    mailboxes: [bob],
    withoutMail: [{ login: 'webby.example', reason: 'website-manager' as const }],
  };
  expect(mailboxesJson(users, Date.UTC(2026, 10, 23, 19, 40))).toEqual({
    domain: 'example.com',
    asOf: '2026-11-23T19:40:00.000Z',
    mailboxes: [
      {
        emailAddress: 'bob@example.com',
        readableAddress: null,
        login: 'bob.example',
        name: 'bob',
        realName: 'Bob Example',
        extraAddresses: [],
        delivery: { arrives: 'yes', forwardsTo: [] },
        disabled: false,
        owner: false,
        lastLogins: null,
      },
    ],
    withoutMail: [{ login: 'webby.example', reason: 'website-manager' }],
  });
});

test.each([
  ['bob.example', 'bob dot example'],
  ['example-bob', 'example hyphen bob'],
  ['bob_example', 'bob underscore example'],
  ['bob%example', 'bob percent sign example'],
  ['bob@example.com', 'bob at example dot com'],
  ['ann+tag%percent', 'ann plus tag percent sign percent'],
  ['a.-b', 'a dot hyphen b'],
  ['.bob', 'dot bob'],
  ['example', null],
])('%s is spelled out', (login, spoken) => {
  expect(spokenLogin(login, languages.english)).toBe(spoken);
});

describe('the fingerprint of settings', () => {
  const decided = (mailbox = {}, policy = {}) =>
    settingsFingerprint(
      decideClientSettings({ ...bob, ...mailbox }, exampleCom, { ...defaultPolicy, ...policy }),
    );

  test('stays the same if nothing to type changes', () => {
    expect(decided()).toMatch(/^[0-9a-f]{4}-[0-9a-f]{4}$/);
    expect(decided({ realName: 'Robert', disabled: true, extraAddresses: ['x@y.example'] })).toBe(
      decided(),
    );
    expect(decided({}, { branding: { ...noBranding, supportContact: 'Call 555' } })).toBe(
      decided(),
    );
  });

  test.each([
    ['login', { login: 'bob-example' }, {}],
    ['address', { emailAddress: 'robert@example.com' }, {}],
    ['server', {}, { incomingHost: 'mx.example.com' }],
    ['order', {}, { preferredSecurity: 'implicit-tls' }],
    ['POP3', {}, { offerPop3: false }],
  ])('changes with the %s', (_what, mailbox, policy) => {
    expect(decided(mailbox, policy)).not.toBe(decided());
  });
});
